"""Controls beside a picture: move a slider and see the picture change.

A widget of this workbook is a plain function ``draw(**values)`` that returns a matplotlib
figure, and one :class:`Explorer` that holds the controls and shows the figure.  The function
can be called and tested without any widget.
"""

import io
import traceback
from html import escape

import ipywidgets
import matplotlib.pyplot as plt
import traitlets

_WIDE = {"description_width": "initial"}


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
    """
    whole = all(isinstance(number, int) for number in (value, low, high, step))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    return kind(
        value=value,
        min=low,
        max=high,
        step=step,
        description=f"{label} ({unit})" if unit else label,
        continuous_update=False,
        style=_WIDE,
        layout={"width": "95%"},
    )


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
        The menu.
    """
    menu = ipywidgets.Dropdown(options=options, description=label, style=_WIDE)
    if value is not None:
        menu.value = value
    return menu


class _Picture(ipywidgets.Image):
    """An image whose tooltip is its text for screen readers.

    ipywidgets.Image has no alt; a browser reads the title in its place, which is the tooltip.
    JupyterLab's view of a widget with a tooltip asks for its description, which an image lacks,
    and fails without it; hence the empty one.
    """

    description = traitlets.Unicode("").tag(sync=True)


class Explorer:
    """A picture with controls: each change of a control draws the picture again.

    Parameters
    ----------
    draw : callable
        ``draw(**values)`` returns a `matplotlib.figure.Figure`; the values are those of the
        controls, by name.
    controls : dict of str to ipywidgets widget
        The controls, by the name of the argument that they set; see `slider` and `choice`.
    alt : str
        What the picture shows, for those who cannot see it.
    dpi : int
        Resolution of the picture, in pixels per inch.

    Attributes
    ----------
    image : ipywidgets.Image
        The picture, as PNG.
    error : str
        The traceback of the last drawing where it failed, else empty.

    Raises
    ------
    ValueError
        If there is no control or no alternative text.
    Exception
        Whatever ``draw`` raises for the first picture, so that a broken cell stops at once.
        Errors after that are shown under the controls, in red.

    Examples
    --------
    >>> Explorer(draw_map, {"width_km": slider("Width", 20, 2, 60, 2, "km")}, alt="A map")
    """

    def __init__(self, draw, controls, *, alt, dpi=100):
        if not controls or not alt:
            raise ValueError("Explorer needs at least one control and a text `alt`; give both.")
        self.draw, self.controls, self.dpi, self.error = draw, dict(controls), dpi, ""
        self._first = self.values
        size = {"max_width": "100%", "align_self": "flex-start"}  # its own size, never stretched
        self.image = _Picture(value=self._png(), format="png", tooltip=alt, layout=size)
        self.message = ipywidgets.HTML()
        self.busy = ipywidgets.HTML()
        self.reset_button = ipywidgets.Button(
            description="Reset", tooltip="Set all controls back to their first values"
        )
        self.reset_button.on_click(lambda _button: self.reset())
        for control in self.controls.values():
            control.observe(self._changed, names="value")
        foot = ipywidgets.HBox([self.reset_button, self.busy])
        self.box = ipywidgets.VBox([*self.controls.values(), foot, self.message, self.image])

    @property
    def values(self):
        """Values of the controls, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def reset(self):
        """Set every control back to its first value and draw once."""
        for name, control in self.controls.items():
            control.unobserve(self._changed, names="value")
            control.value = self._first[name]
            control.observe(self._changed, names="value")
        self._changed()

    def _png(self):
        """Draw with the present values; return the picture as PNG bytes."""
        figure = self.draw(**self.values)
        try:
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=self.dpi)
        finally:
            plt.close(figure)
        return buffer.getvalue()

    def _changed(self, _change=None):
        """Draw again; where that fails, say so in the place of the picture."""
        self.busy.value = "<em>drawing …</em>"
        try:
            self.image.value = self._png()
            self.error = ""
        except Exception as problem:
            self.error = traceback.format_exc()
            reason = "".join(traceback.format_exception_only(problem)).strip()
            text = f"Could not draw this: {reason}\n\n{self.error}"
            self.message.value = f"<pre role='alert' style='color:#b00020'>{escape(text)}</pre>"
        finally:
            self.busy.value = ""
        if not self.error:
            self.message.value = ""
        self.image.layout.display = "none" if self.error else ""

    def __repr__(self):
        """Text that does not change from run to run."""
        draw = getattr(self.draw, "func", self.draw)  # under functools.partial
        name = getattr(draw, "__name__", type(draw).__name__)
        values = ", ".join(f"{key}={value!r}" for key, value in self.values.items())
        return f"Explorer({name}: {values})"

    def _repr_mimebundle_(self, **kwargs):
        """Show the controls and the picture in a notebook, and the stable text elsewhere."""
        bundle = self.box._repr_mimebundle_(**kwargs)
        return {**bundle, "text/plain": repr(self)}
