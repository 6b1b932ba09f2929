#!/bin/sh
# Stops the children of `npm start` when it is gone, even by SIGKILL. The parent holds the other end of
# our standard input and writes "+ PID" and "- PID" as children start and end. When that input ends, the
# remaining children are asked to stop, and killed after ten seconds.
pids=
while read -r sign pid; do
  kept=
  for known in $pids; do [ "$known" = "$pid" ] || kept="$kept $known"; done
  pids=$kept
  [ "$sign" = + ] && pids="$pids $pid"
done

for pid in $pids; do kill -TERM "$pid" 2>/dev/null; done
turns=100
while [ "$turns" -gt 0 ]; do
  left=
  for pid in $pids; do kill -0 "$pid" 2>/dev/null && left=yes; done
  [ -n "$left" ] || exit 0
  sleep 0.1
  turns=$((turns - 1))
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
