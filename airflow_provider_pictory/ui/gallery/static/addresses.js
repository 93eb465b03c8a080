// Pages of Airflow's own UI.

export const API = new URL("../api/v2/", document.baseURI);

export function loginAddress(next) {
  const url = new URL("auth/login", API);
  url.searchParams.set("next", next);
  return url.href;
}

export function dagAddress({ dag }) {
  return new URL(`../dags/${encodeURIComponent(dag)}`, document.baseURI).href;
}

export function runAddress({ dag, run }) {
  return `${dagAddress({ dag })}/runs/${encodeURIComponent(run)}`;
}

// Airflow opens a task instance with its log.
export function taskAddress({ dag, run, task, mapIndex, region }, page = "") {
  const mapped = mapIndex >= 0 ? `/mapped/${mapIndex}` : "";
  const query = region ? `?${new URLSearchParams(region)}` : "";
  return `${runAddress({ dag, run })}/tasks/${encodeURIComponent(task)}${mapped}${page}${query}`;
}

export function formAddress(task) {
  return taskAddress(task, "/required_actions");
}
