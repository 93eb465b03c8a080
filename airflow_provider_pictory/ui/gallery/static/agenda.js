// Posts by day, past and to come. Pure functions.

import { dayAfter, daysBetween } from "./days.js";
import { describePost, postsOf } from "./posts_of_images.js";

const AHEAD = 7; // days without a post that are shown to come

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

// The weeks of a calendar around some days, each with seven days from Monday.
export function weeks(days) {
  const [first, last] = [days[0], days.at(-1)];
  const monday = dayAfter(first, -((new Date(first).getUTCDay() + 6) % 7));
  const all = daysBetween(monday, dayAfter(last, 6 - ((new Date(last).getUTCDay() + 6) % 7)));
  return Array.from({ length: all.length / 7 }, (_, week) => all.slice(week * 7, week * 7 + 7));
}
