#!/bin/sh
# Ends the children of `npm start` when it is gone, however it went (SIGKILL included): their parent
# holds the other end of our standard input and writes "+ PID" and "- PID" as they come and go. At the
# end of that input whatever is left is asked to stop, and after ten seconds made to.
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
