// Days and ranges of time, in the time zone that is chosen. Pure functions; `dayOf` names the day of a moment.

export const DAY = 24 * 60 * 60 * 1000;

export const RANGES = {
  today: "Today",
  yesterday: "Yesterday",
  "7": "Last 7 days",
  "30": "Last 30 days",
  "90": "Last 90 days",
  all: "All time",
};

// When the day of a moment began.
export function startOfDay(time, dayOf) {
  const day = dayOf(time);
  let [before, within] = [time - 26 * 60 * 60 * 1000, time]; // a day may have 25 hours
  while (within - before > 1) {
    const middle = Math.floor((before + within) / 2);
    if (dayOf(middle) === day) within = middle;
    else before = middle;
  }
  return within;
}

// The day that is some days after another, both as YYYY-MM-DD.
export function dayAfter(day, days) {
  return new Date(Date.parse(day) + days * DAY).toISOString().slice(0, 10);
}

// The first moment and the first and last day of a range. `last` is null where it has no end.
export function boundsOf(range, now, dayOf) {
  const today = dayOf(now);
  if (range === "all") return { since: 0, first: null, last: null };
  const back = { today: 0, yesterday: 1 }[range] ?? range - 1;
  const first = dayAfter(today, -back);
  return { since: startOf(first, now, dayOf), first, last: range === "yesterday" ? first : null };
}

// When a day began.
export function startOf(day, now, dayOf) {
  let time = now - Math.round((Date.parse(dayOf(now)) - Date.parse(day)) / DAY) * DAY;
  while (dayOf(time) < day) time += DAY / 24;
  while (dayOf(time) > day) time -= DAY / 24;
  return startOfDay(time, dayOf);
}

// The first day of the week, a Monday, and of the month of a day.
export function weekOf(day) {
  return dayAfter(day, -((new Date(day).getUTCDay() + 6) % 7));
}

export function monthOf(day) {
  return `${day.slice(0, 7)}-01`;
}

// Since and until when a view shows images: of one run all; Spending those of this week and this month.
export function timesOf({ tab, range }, { run }, now, dayOf) {
  if (run) return { since: 0, last: null };
  if (tab !== "spending") return boundsOf(range, now, dayOf);
  const today = dayOf(now);
  return { since: startOf([weekOf(today), monthOf(today)].sort()[0], now, dayOf), last: null };
}

export function daysBetween(first, last) {
  const days = [];
  for (let time = Date.parse(first); time <= Date.parse(last); time += DAY) {
    days.push(new Date(time).toISOString().slice(0, 10));
  }
  return days;
}
