// Follows Airflow's theme, before anything is painted: that of the page around, live, else Airflow's setting, else the
// system's.
{
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const around = parent !== window && parent.document.documentElement;

  const follow = () => {
    const chosen = localStorage.getItem("theme");
    const dark = around
      ? around.classList.contains("dark")
      : chosen === "dark" || (chosen !== "light" && system.matches);
    root.classList.toggle("dark", dark);
    root.classList.toggle("framed", Boolean(around));
  };

  follow();
  if (around) new MutationObserver(follow).observe(around, { attributeFilter: ["class"] });
  addEventListener("storage", follow);
  system.addEventListener("change", follow);
}
