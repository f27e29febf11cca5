"""Real front ends in Chromium: move controls by keyboard, see the picture change; draw labels.

One JupyterLab serves all tests.  Of each notebook only the cells that its explorer needs are run:
nbval runs the whole.  Needs Debian's chromium (or the path of another in the variable CHROMIUM).
Without it the tests are left out, but never where CI is set.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import xarray as xr
from playwright.sync_api import TimeoutError as WaitedTooLong
from playwright.sync_api import sync_playwright

import slices
import toys

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
MARK = "explore.Explorer("
EXPLORED = ROOT / "notebooks" / "02_anisotropic_diffusion.ipynb"  # the others run under nbval
LABELLING = ROOT / "notebooks" / "A3_label_your_own.ipynb"
RUN_TIMEOUT_S = 300
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# Errors in the console that are JupyterLab's own, or come of our refusing it the network
KNOWN_NOISE = [
    r"ERR_(INTERNET_DISCONNECTED|NAME_NOT_RESOLVED|BLOCKED_BY_CLIENT|FAILED)",
    r"Failed to load resource: .*(404|503)",
    r"/lab/api/(news|update)",
    r"Unrecognized feature",
    r"undefined \(reading 'schema'\)",  # Notebook 7, before any cell is run
]


def chromium():
    """Return the path of Chromium, or leave the test out (in CI: fail)."""
    path = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if path:
        return path
    message = "no chromium found (Debian: apt-get install chromium): the browser test is left out"
    if os.environ.get("CI"):
        pytest.fail(message)
    return pytest.skip(message)


def free_port():
    """Return a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url, process, log):
    """Wait until a server answers."""
    for _ in range(240):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(url, timeout=5)
        assert process.poll() is None, log.read_text()
        time.sleep(0.5)
    raise AssertionError(f"JupyterLab did not answer within 2 minutes:\n{log.read_text()}")


def copy_of_project(work):
    """Copy what a user has, with a toy and the slices of the notebooks."""
    for name in ("notebooks", "helpers", "studies", "data", "figures"):
        shutil.copytree(ROOT / name, work / name)
    toys.write(work / "notebooks" / "toy.ipynb", [toys.text("# A toy"), toys.code(toys.EXPLORER)])
    slices.write_slice(EXPLORED, MARK, work / "notebooks" / "slice_explorer.ipynb")
    slices.write_slice(LABELLING, "Labeller(own", work / "notebooks" / "slice_label.ipynb")
    slices.write_slice(LABELLING, "labelling.Desk(", work / "notebooks" / "slice_desk.ipynb")
    (work / "build" / "maps").mkdir(parents=True)
    toys.write_map(work / "build" / "maps", "stripes")


def settings(home, work):
    """Return the environment of a server that has its settings to itself."""
    news = home / "settings" / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)
    (news / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    found = {"HOME": home, "JUPYTER_CONFIG_DIR": home / "config", "IPYTHONDIR": home / "ipython"}
    found |= {"JUPYTER_DATA_DIR": home / "data", "JUPYTER_RUNTIME_DIR": home / "runtime"}
    found |= {"JUPYTERLAB_SETTINGS_DIR": home / "settings", "PYTHONPATH": work}
    found |= {"JUPYTERLAB_WORKSPACES_DIR": home / "workspaces"}
    return os.environ | {name: str(value) for name, value in found.items()}


@contextlib.contextmanager
def served(folder, module, *options):
    """Start a Jupyter server on a copy of the project; yield its address and folder."""
    work, home = folder / "work", folder / "home"
    home.mkdir()
    copy_of_project(work)
    port = free_port()
    command = [sys.executable, "-m", module, "--no-browser", "--allow-root"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    command += ["--ServerApp.port_retries=0", "--IdentityProvider.token="]
    command += ["--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={work}", *options]
    log = folder / "server.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, cwd=work, env=settings(home, work)
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(f"{address}/api", process, log)
            yield address, work
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Start the one JupyterLab of these tests; return its address and folder."""
    quiet = ["--LabApp.news_url=None"]
    quiet += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    chromium()
    with served(tmp_path_factory.mktemp("lab"), "jupyterlab", *quiet) as server:
        yield server


@pytest.fixture
def page(tmp_path):
    """Open a page in Chromium that reaches this machine only; leave a picture of its end."""
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())
        page.errors = []
        page.on("console", lambda said: said.type == "error" and page.errors.append(said.text))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        try:
            yield page
        finally:
            page.screenshot(path=tmp_path / "page.png")
            browser.close()


def our_errors(page):
    """Return the errors of the console that are not known noise."""
    return [text for text in page.errors if not any(re.search(p, text) for p in KNOWN_NOISE)]


def open_and_run(page, address, name):
    """Open a notebook in JupyterLab and run all its cells."""
    page.goto(f"{address}/lab/tree/notebooks/{name}?reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=120_000)
    # cells that are run before the kernel is connected are silently left out
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=120_000)
    run_all(page)


def run_all(page):
    """Run all cells by the menu.

    A kernel that is still connecting drops the cells it is given, though it is called idle.
    """
    started = page.locator(".jp-InputPrompt", has_text=re.compile(r"\[(\*|\d+)\]")).first
    for _ in range(10):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        with contextlib.suppress(WaitedTooLong):
            started.wait_for(timeout=20_000)
            break


def first_picture(page):
    """Wait for the first picture of a notebook; return it."""
    image = page.locator(".jp-OutputArea img.widget-image").first
    image.wait_for(timeout=RUN_TIMEOUT_S * 1000)
    return image


def picture(image):
    """Return the address and size of the picture shown; a new picture has a new address."""
    return image.evaluate("e => [e.src, e.complete && e.naturalWidth > 0]")


def press_until_changed(page, image, key):
    """Press a key and wait until another picture is shown, whole, and the busy mark is gone."""
    before, _ = picture(image)
    page.keyboard.press(key)
    deadline = time.monotonic() + RUN_TIMEOUT_S
    while time.monotonic() < deadline:
        after, whole = picture(image)
        if after != before and whole and not page.get_by_text("drawing …").count():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{key} did not change the picture")


def explorer_of(page):
    """Return the box of the first explorer: controls, buttons and picture."""
    return page.locator(".widget-vbox", has=page.locator("img.widget-image")).first


def move_a_slider(page, image):
    """Move the Explorer's first slider to the right and back, by keyboard alone."""
    box = explorer_of(page)
    handle = box.locator("[role=slider]").first
    handle.scroll_into_view_if_needed()
    handle.focus()
    shown = box.locator(".widget-readout").first
    start = shown.inner_text()
    press_until_changed(page, image, "ArrowRight")
    assert number(shown.inner_text()) > number(start)
    press_until_changed(page, image, "ArrowLeft")
    assert shown.inner_text() == start
    return box


def number(text):
    """Read the number beside a slider, which has a minus sign of its own."""
    return float(text.replace("\N{MINUS SIGN}", "-"))


def tab_to(page, locator):
    """Press Tab until a control has the focus: it can be reached without a mouse."""
    for _ in range(40):
        if locator.evaluate("e => e === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("Tab does not reach the control")


def test_a_toy_notebook(lab, page):
    open_and_run(page, lab[0], "toy.ipynb")
    image = first_picture(page)
    # read out by a screen reader, with what the controls stand at
    assert page.get_by_role("img", name="A wave. Wavelength 20 km").count() == 1
    box = move_a_slider(page, image)
    assert page.get_by_role("img", name="A wave. Wavelength 20 km").count() == 1
    tab_to(page, box.get_by_role("button", name="Copy as code"))
    page.keyboard.press("Enter")
    code = box.get_by_role("textbox", name="Code")
    code.wait_for()
    assert code.input_value() == "_ = draw_wave(wavelength_km=20)"
    # an error is shown in place of the picture, and Reset brings the picture back
    box.locator("[role=slider]").first.focus()
    press_until_changed(page, image, "ArrowRight")
    page.keyboard.press("ArrowRight")
    box.get_by_text("22 km is an unlucky wavelength").first.wait_for(timeout=60_000)
    image.wait_for(state="hidden")
    box.get_by_role("button", name="Reset").click()
    image.wait_for(state="visible")
    assert not our_errors(page)


@pytest.mark.rest
def test_an_explorer_of_a_notebook(lab, page):
    open_and_run(page, lab[0], "slice_explorer.ipynb")
    image = first_picture(page)
    box = move_a_slider(page, image)
    # every control has a label, and every slider and button can be reached by keyboard
    for slider in box.locator(".widget-slider, .widget-dropdown").all():
        assert slider.locator("label").inner_text().strip()
    tab_to(page, box.get_by_role("button", name="Reset"))
    assert image.get_attribute("title")
    assert not our_errors(page)


@pytest.mark.rest
def test_an_explorer_in_notebook_7(tmp_path, page):
    pytest.importorskip("notebook")
    with served(tmp_path, "notebook") as (address, _):
        page.goto(f"{address}/notebooks/notebooks/toy.ipynb")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=120_000)
        idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
        idle.wait_for(state="attached", timeout=120_000)
        run_all(page)
        image = first_picture(page)
        # its shortcuts take the arrow keys before any slider sees them: type the number instead
        field = explorer_of(page).locator(".widget-readout")
        explorer_of(page).locator("[role=slider]").focus()
        tab_to(page, field)
        page.keyboard.press("Control+A")
        page.keyboard.type("24")
        press_until_changed(page, image, "Enter")
        assert page.get_by_role("img", name="A wave. Wavelength 24 km").count() == 1
        assert not our_errors(page)


def lines_on_disk(work):
    """Return the lines that the labeller has written."""
    path = work / "build" / "labels" / "azores_me.geojson"
    return json.loads(path.read_text())["features"] if path.exists() else []


@pytest.mark.rest
def test_labels_are_drawn_by_keyboard_and_by_mouse(lab, page):
    address, work = lab
    open_and_run(page, address, "slice_label.ipynb")
    canvas = page.locator(".jupyter-matplotlib-canvas-container canvas").last
    canvas.wait_for(timeout=RUN_TIMEOUT_S * 1000)
    box = page.locator(".widget-vbox", has=canvas).first
    handle, act = box.locator("[role=slider]").first, box.get_by_role("button", name="Act at the")
    handle.focus()
    tab_to(page, act)
    page.keyboard.press("Enter")
    box.get_by_text("first point; a line needs two").wait_for()
    handle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    tab_to(page, act)
    page.keyboard.press("Enter")
    box.get_by_text("new line, saved").wait_for()
    assert [len(line["geometry"]["coordinates"]) for line in lines_on_disk(work)] == [2]
    box.get_by_role("button", name="Finish line").click()
    place = canvas.bounding_box()
    for share, said in ((0.4, "first point"), (0.5, "new line"), (0.6, "of 3 points, saved")):
        page.mouse.click(place["x"] + share * place["width"], place["y"] + 0.3 * place["height"])
        box.get_by_text(said).wait_for()
    assert [len(line["geometry"]["coordinates"]) for line in lines_on_disk(work)] == [2, 3]
    assert not our_errors(page)


@pytest.mark.rest
def test_a_map_of_ones_own_is_labelled_compared_and_learned_from(lab, page):
    address, work = lab
    open_and_run(page, address, "slice_desk.ipynb")
    tune = page.get_by_role("button", name="Fine-tune on my lines")
    tune.wait_for(timeout=RUN_TIMEOUT_S * 1000)
    box = page.locator(".widget-vbox", has=tune).first
    start = box.get_by_role("button", name="Add the network's lines")
    start.click()
    box.get_by_text("lines added (green)").wait_for()
    name = box.get_by_label("Your name")
    name.fill("Bo")
    name.press("Enter")
    box.get_by_text("0 lines of Bo").wait_for(timeout=60_000)
    start.click()
    box.get_by_text("lines added (green)").wait_for()
    tab_to(page, box.get_by_role("button", name="Compare"))
    page.keyboard.press("Enter")
    box.get_by_text("100% of yours lie on theirs").wait_for(timeout=60_000)
    tab_to(page, tune)
    page.keyboard.press("Enter")
    box.get_by_text("the probability changed by").wait_for(timeout=RUN_TIMEOUT_S * 1000)
    assert box.get_by_role("img", name="Probability before and after").is_visible()
    assert {path.name for path in (work / "build" / "labels").glob("stripes@*.geojson")} >= {
        "stripes@me.geojson", "stripes@Bo.geojson"}  # fmt: skip
    assert not our_errors(page)


EVIL = "<img src=x onerror='window.ran=1'>"


@pytest.mark.rest
def test_names_of_files_and_people_run_no_script(lab, page):
    """A map, a file that is none, a person and what the map was made of, all named in HTML."""
    address, work = lab
    maps = work / "build" / "maps"
    toys.write_map(maps, EVIL)
    with xr.open_dataset(maps / f"{EVIL}.nc") as made:
        made.load().assign_attrs(data=EVIL).to_netcdf(maps / "attribute.nc")
    (maps / f"{EVIL}.nc").rename(maps / f"a {EVIL}.nc")  # the newest, and opened first
    (maps / f"b {EVIL}.nc").write_bytes(bytes(48))
    os.utime(maps / f"a {EVIL}.nc")
    try:
        open_and_run(page, address, "slice_desk.ipynb")
        tune = page.get_by_role("button", name="Fine-tune on my lines")
        tune.wait_for(timeout=RUN_TIMEOUT_S * 1000)
        box = page.locator(".widget-vbox", has=tune).first
        box.get_by_text(f"Passed over: b {EVIL}.nc").wait_for()
        name = box.get_by_label("Your name")
        for who in (EVIL, "Bo"):
            name.fill(who)
            name.press("Enter")
            box.get_by_text(f"0 lines of {who}").wait_for(timeout=60_000)
        box.get_by_label("Your map").select_option("attribute")
        box.get_by_text("attribute@Bo.geojson").first.wait_for(timeout=60_000)
        assert page.evaluate("window.ran") is None
        assert not page.locator("img[src=x]").count()
    finally:
        for path in [*maps.glob("*img*"), maps / "attribute.nc"]:
            path.unlink()
