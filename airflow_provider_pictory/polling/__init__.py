"""
Waiting for many jobs and posts at once, in one event loop.

A trigger hands its job to the connection's dispatcher and sleeps until the job has ended. The dispatcher keeps all jobs
in a heap by the time when each is due, and sets one timer for the first. When the timer fires, it sends what is due,
those overdue longest first, over at most ten HTTP connections. A token bucket bounds the rate; workers that wait for
their turn take every second token. A job is due again after its interval, or when jobs like it are expected to end.
Where many jobs are due within an interval, pages of the service's list are read instead: a job that a page shows in
progress is due an interval later, one that has ended is asked for by itself unless the item has all of the result.
A list is used only while it answers more than it costs, and is checked against single requests. After an error that
concerns all jobs, requests pause, one is sent first, and the others follow if it succeeds. An error of one job delays
that job alone. Each job's messages go into its own task's log.
"""
