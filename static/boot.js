// @ts-check
/** Runs before the page is drawn: with scripts the wall waits, unseen, for its exact layout, and so never jumps. */

document.documentElement.classList.add("js");
try {
  document.documentElement.dataset.density = localStorage.getItem("artalike:density") ?? "normal";
} catch {
  // forbidden by the visitor's settings
}
// Without the modules the page stays usable as the server has rendered it.
addEventListener(
  "error",
  (event) => event.target instanceof HTMLScriptElement && document.documentElement.classList.remove("js"),
  true,
);
