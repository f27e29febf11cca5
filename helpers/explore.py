"""Controls beside a picture: move a slider and see the picture change.

A widget of this workbook is a plain function ``draw(**values)`` that returns a matplotlib
figure, and one :class:`Explorer` that holds the controls and shows the figure.  The function
can be called and tested without any widget; *Copy as code* writes that call.
"""

import asyncio
import inspect
import io
import traceback
from html import escape

import ipywidgets
import matplotlib.pyplot as plt
import traitlets

REST_S = 0.4  # a control at rest for so long has been let go: time for the fine picture
DPI, COARSE_DPI = 100, 60  # pixels per inch of the fine and of the quick picture
CODE_COLUMNS = 88  # longest line that *Copy as code* writes
_WIDE = {"description_width": "initial"}
_BUSY = "<em role='status'>drawing …</em>"


def slider(label, value, low, high, step, unit=""):
    """Make a slider for a number, with its unit in the label.

    Parameters
    ----------
    label : str
        What the number is, in a few words.
    value, low, high, step : int or float
        First value, range and step; whole numbers throughout make a slider of whole numbers.
    unit : str
        Unit of the value, as in ``"km"``; empty for a number without one.

    Returns
    -------
    ipywidgets.IntSlider or ipywidgets.FloatSlider
        A slider that reports its value when it is let go, and at each arrow key.

    Examples
    --------
    >>> slider("Width", 20, 2, 60, 2, "km").description
    'Width (km)'
    """
    whole = all(isinstance(number, int) for number in (value, low, high, step))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    made = kind(
        value=value,
        min=low,
        max=high,
        step=step,
        description=f"{label} ({unit})" if unit else label,
        continuous_update=False,
        style=_WIDE,
        layout={"width": "95%"},
    )
    made.unit = unit
    return made


def choice(label, options, value=None):
    """Make a menu of a few options.

    Parameters
    ----------
    label : str
        What is chosen.
    options : list
        The options, or ``(text, value)`` pairs.
    value : object
        The option chosen at first; by default the first one.

    Returns
    -------
    ipywidgets.Dropdown

    Examples
    --------
    >>> choice("Under the lines", ["nothing", "guided map"], "guided map").value
    'guided map'
    """
    menu = ipywidgets.Dropdown(options=options, description=label, style=_WIDE)
    if value is not None:
        menu.value = value
    return menu


def said(control):
    """Tell what a control stands at, with its unit, as in ``"Width 20 km"``."""
    label = control.description.partition(" (")[0]
    if hasattr(control, "options"):
        return f"{label} {control.label}"
    return f"{label} {control.value:g} {getattr(control, 'unit', '')}".strip()


def takes_coarse(draw):
    """Whether a function can draw coarsely: it has an argument of that name."""
    return "coarse" in inspect.signature(draw).parameters


def png(figure, coarse=False):
    """Write a figure as PNG bytes, of few pixels if it is coarse, and close it."""
    buffer = io.BytesIO()
    try:
        figure.savefig(buffer, format="png", dpi=COARSE_DPI if coarse else DPI)
    finally:
        plt.close(figure)
    return buffer.getvalue()


def picture(alt=""):
    """Make an empty picture of its own size, never stretched, with its text for screen readers."""
    size = {"max_width": "100%", "align_self": "flex-start"}
    return _Picture(format="png", layout=size, tooltip=alt)


class _Picture(ipywidgets.Image):
    """An image whose tooltip is its text for screen readers.

    ipywidgets.Image has no alt; a browser reads the title in its place, which is the tooltip.
    JupyterLab's view of a widget with a tooltip asks for its description, which an image lacks,
    and fails without it; hence the empty one.
    """

    description = traitlets.Unicode("").tag(sync=True)


class Shown:
    """What a notebook shows by its `box` of widgets, and all else by its repr, a stable text."""

    def _repr_mimebundle_(self, **kwargs):
        """Show the widgets in a notebook, and the stable text elsewhere."""
        return {**self.box._repr_mimebundle_(**kwargs), "text/plain": repr(self)}


class Explorer(Shown):
    """A picture with controls: each change of a control draws the picture again.

    Where ``draw`` takes an argument ``coarse``, the picture is drawn with ``coarse=True`` while
    a slider moves, and once more without it when the slider rests for `REST_S`.

    Parameters
    ----------
    draw : callable
        ``draw(**values)`` returns a `matplotlib.figure.Figure`; the values are those of the
        controls, by name.
    controls : dict of str to ipywidgets widget
        The controls, by the name of the argument that they set; see `slider` and `choice`.
    alt : str
        What the picture shows, for those who cannot see it; what the controls stand at is added.
    call : str, optional
        How a script calls `draw`, ``...`` standing for the values of the controls, as in
        ``"maps.draw_map(grid, ...)"``; by default the function's own name.
    live : bool
        Draw while a slider moves even without ``coarse``: for what is drawn in an instant.

    Attributes
    ----------
    image : ipywidgets.Image
        The picture, as PNG.
    code : str
        The call that draws the present picture.
    error : str
        The traceback of the last drawing where it failed, else empty.

    Raises
    ------
    ValueError
        If there is no control or no alternative text, or no `call` where `draw` has no name.
    Exception
        Whatever ``draw`` raises for the first picture, so that a broken cell stops at once.
        Errors after that are shown under the controls, in red.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> def draw_wave(length_km):
    ...     figure, axis = plt.subplots(figsize=(2, 1))
    ...     _ = axis.plot([0, length_km], [0, 1])
    ...     return figure
    >>> controls = {"length_km": slider("Length", 20, 2, 60, 2, "km")}
    >>> explorer = Explorer(draw_wave, controls, alt="A wave")
    >>> explorer.controls["length_km"].value = 30
    >>> explorer
    Explorer(draw_wave: length_km=30)
    >>> explorer.code
    '_ = draw_wave(length_km=30)'
    """

    def __init__(self, draw, controls, *, alt, call=None, live=False):
        if not controls or not alt:
            raise ValueError("Explorer needs at least one control and a text `alt`; give both.")
        if call is None and not hasattr(draw, "__name__"):
            raise ValueError(
                "This `draw` has no name of its own; say with `call` how a script calls it, as in "
                'call="maps.draw_map(grid, ...)".'
            )
        self.draw, self.controls, self.error = draw, dict(controls), ""
        self.alt, self.call, self._pending = alt, call or f"{draw.__name__}(...)", None
        self.has_coarse = takes_coarse(draw)
        self._first = self.values
        self.image = picture()
        self.image.value = self._png()
        self.image.tooltip = self._text()
        for control in self.controls.values():
            control.observe(self._changed, names="value")
            if (live or self.has_coarse) and control.has_trait("continuous_update"):
                control.continuous_update = True
        self.box = self._laid_out()

    def _laid_out(self):
        """Put controls, buttons, messages and picture below each other."""
        self.message, self.busy = ipywidgets.HTML(), ipywidgets.HTML()
        self.reset_button = _button("Reset", "Set all controls back to their first values")
        self.reset_button.on_click(lambda _button: self.reset())
        self.code_button = _button("Copy as code", "Write the call that draws this picture")
        self.code_button.on_click(lambda _button: self.show_code())
        self.code_area = ipywidgets.Textarea(
            description="Code", layout={"width": "95%", "display": "none"}, style=_WIDE
        )
        foot = ipywidgets.HBox([self.reset_button, self.code_button, self.busy])
        below = [foot, self.code_area, self.message, self.image]
        return ipywidgets.VBox([*self.controls.values(), *below])

    @property
    def values(self):
        """Values of the controls, by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def code(self):
        """The call that draws the present picture."""
        name, _, given = self.call.partition("(")
        given = [part.strip() for part in given.removesuffix(")").split(",")]
        given = [part for part in given if part not in ("...", "")]
        given += [f"{key}={_literal(value)}" for key, value in self.values.items()]
        short = f"_ = {name}({', '.join(given)})"
        if len(short) <= CODE_COLUMNS:
            return short
        return f"_ = {name}(\n" + "".join(f"    {part},\n" for part in given) + ")"

    def show_code(self):
        """Show the call in a field of its own, ready to be copied."""
        self.code_area.value = self.code
        self.code_area.rows = self.code.count("\n") + 1
        self.code_area.layout.display = ""

    def reset(self):
        """Set every control back to its first value and draw once."""
        for name, control in self.controls.items():
            control.unobserve(self._changed, names="value")
            control.value = self._first[name]
            control.observe(self._changed, names="value")
        self._changed()

    def _text(self):
        """Alternative text: what is shown, and what the controls stand at."""
        return f"{self.alt}. {', '.join(map(said, self.controls.values()))}"

    def _png(self, coarse=False):
        """Draw with the present values; return the picture as PNG bytes."""
        figure = self.draw(**self.values, **({"coarse": True} if coarse else {}))
        self.image.layout.width = f"{figure.get_figwidth() * DPI:.0f}px"
        return png(figure, coarse)

    def _changed(self, _change=None):
        """Draw again: at once, or coarsely now and finely when the controls rest."""
        self.busy.value = _BUSY
        if self._pending is not None:
            self._pending.cancel()
        try:
            loop = asyncio.get_running_loop() if self.has_coarse else None
        except RuntimeError:  # outside a notebook nobody comes back to draw finely
            loop = None
        if loop is None:
            self._show()
        else:
            self._show(coarse=True)
            self._pending = loop.call_later(REST_S, self._show)

    def _show(self, coarse=False):
        """Show the picture; where drawing fails, say so in its place."""
        try:
            self.image.value = self._png(coarse)
            self.error = ""
        except Exception as problem:
            self.error = traceback.format_exc()
            reason = "".join(traceback.format_exception_only(problem)).strip()
            text = f"Could not draw this: {reason}\n\n{self.error}"
            self.message.value = f"<pre role='alert' style='color:#b00020'>{escape(text)}</pre>"
        if not self.error:
            self.message.value = ""
        self.image.tooltip = self._text()
        self.image.layout.display = "none" if self.error else ""
        if not coarse:
            self.busy.value = ""

    def __repr__(self):
        """Text that does not change from run to run."""
        draw = getattr(self.draw, "func", self.draw)  # under functools.partial
        name = getattr(draw, "__name__", type(draw).__name__)
        values = ", ".join(f"{key}={value!r}" for key, value in self.values.items())
        return f"Explorer({name}: {values})"


def _button(text, tooltip):
    return ipywidgets.Button(description=text, tooltip=tooltip)


def _literal(value):
    """Write a value as code, without the noise of a slider's arithmetic."""
    return repr(round(value, 10) if isinstance(value, float) else value)
