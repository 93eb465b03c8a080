// Posts by day, past and to come. Pure functions.

import { dayAfter, daysBetween } from "./days.js";
import { describePost, postsOf } from "./posts_of_images.js";
import { BAD } from "./states.js";

const AHEAD = 7; // days without a post that are shown to come
const MOST_SHOWN = 20; // posts of a day, unless it is picked

// Posts as {…, at, day, item}: `at` is when it is due or was posted, `item` the image that it shows, if it is known.
export function agenda(data, items, { now, dayOf }) {
  const byPost = new Map();
  for (const item of items) for (const { place } of item.posts) byPost.set(place, item);
  const posts = postsOf(data.posts, data.tasks).map((post) => {
    const described = describePost(post, now);
    const at = described.due ?? described.time;
    return { ...described, at, day: dayOf(at), item: byPost.get(post.place) ?? null };
  });
  return posts.sort((a, b) => a.at - b.at);
}

// Each day from the first post, or today, to the last one, with its posts: none where there is a gap.
export function byDay(posts, today) {
  const days = posts.map(({ day }) => day).sort();
  const first = days[0] < today ? days[0] : today;
  const least = dayAfter(today, AHEAD);
  const last = days.at(-1) > least ? days.at(-1) : least;
  const found = new Map(daysBetween(first, last).map((day) => [day, []]));
  for (const post of posts) found.get(post.day).push(post);
  return found;
}

// The days as they stand below each other: today and what is to come, then what was before, the last day first. Each is
// {name, posts, shown}: unless a day is picked, of many posts those nearest to now are shown.
export function inOrder(days, { now, today, picked }) {
  const found = [...days].filter(([name]) => !picked || name === picked);
  const ahead = found.filter(([name]) => name >= today);
  const before = found.filter(([name]) => name < today).reverse();
  return [...ahead, ...before].map(([name, posts]) => {
    const next = posts.filter(({ at }) => at < now).length;
    const first = Math.max(0, Math.min(next, posts.length - MOST_SHOWN));
    return { name, posts, shown: picked ? posts : posts.slice(first, first + MOST_SHOWN) };
  });
}

// The worst state of some posts, or nothing if all is well.
export function worstOf(posts) {
  return BAD.find((state) => posts.some((post) => post.state === state)) ?? "";
}

// The weeks of a calendar around some days, each with seven days from Monday.
export function weeks(days) {
  const [first, last] = [days[0], days.at(-1)];
  const monday = dayAfter(first, -((new Date(first).getUTCDay() + 6) % 7));
  const all = daysBetween(monday, dayAfter(last, 6 - ((new Date(last).getUTCDay() + 6) % 7)));
  return Array.from({ length: all.length / 7 }, (_, week) => all.slice(week * 7, week * 7 + 7));
}
