/* Runs before the first paint, so that a light or dark choice never flashes. Stores the theme only. */
(function () {
  var stored = null;
  try { stored = window.localStorage.getItem("theme"); } catch (error) { stored = null; }
  if (stored === "light" || stored === "dark") document.documentElement.dataset.theme = stored;
})();
