# What a host does, one JSON line for each second. Variables: seconds (how many lines), database
# and served (ports; served may be empty), metrics (a URL, or nothing).
#
# Needs no rights, and iproute2's `ss`: processes are read one by one, since a host that shares its machine with
# others has the machine's figures in /proc/stat.
BEGIN {
  if (system("command -v ss >/dev/null") != 0) {
    print "there is no `ss` (package iproute2)" >"/dev/stderr"
    exit 1
  }
  "getconf CLK_TCK" | getline ticks
  "nproc" | getline processors
  printf "{\"ticks_per_second\":%d,\"processors\":%d}\n", ticks, processors
  for (count = 0; count < seconds; count++) {
    if (count) system("sleep 1")
    "date +%s%3N" | getline at; close("date +%s%3N")
    read_processes()
    read_connections()
    read_metrics()
    printf "{\"at_ms\":%s,\"ticks\":%d,\"server_ticks\":%d,\"database_connections\":%d,\"connections\":%d%s}\n", \
      at, all, server, to_database, accepted, gauges
    fflush()
  }
}

# Adds what each process used since the last time. One that is new counts from its start, except
# at first, when its past is not this run's.
function read_processes(   pid, file, line, name, rest, key, used, before) {
  for (key in now) delete now[key]
  while (("ls /proc" | getline pid) > 0) {
    if (pid !~ /^[0-9]+$/) continue
    file = "/proc/" pid "/stat"
    if ((getline line < file) > 0 && match(line, /\(.*\)/)) {
      name = substr(line, RSTART + 1, RLENGTH - 2)
      split(substr(line, RSTART + RLENGTH + 1), rest, " ")
      used = rest[12] + rest[13]
      key = pid ":" rest[20]
      now[key] = used
      before = (key in last) ? last[key] : (count ? 0 : used)
      all += used - before
      if (name == "mattermost") server += used - before
    }
    close(file)
  }
  close("ls /proc")
  for (key in last) delete last[key]
  for (key in now) last[key] = now[key]
}

# Counts established connections to the database and to the port that the host serves. The kernel picks them out:
# in /proc/net/tcp awk would read tens of thousands of lines every second, a third of a processor.
function read_connections() {
  to_database = connections("dport", database)
  accepted = connections("sport", served)
}

function connections(end, port,   command, count) {
  if (port == "") return 0
  command = "ss -Htn state established '( " end " = :" port " )' | wc -l"
  command | getline count
  close(command)
  return int(count)
}

# Reads what a server says of its logins. One that does not say it is asked once.
function read_metrics(   command, line, part) {
  gauges = ""
  if (metrics == "") return
  command = "curl -sf -m 1 " metrics
  while ((command | getline line) > 0) {
    split(line, part, " ")
    if (part[1] ~ /^mattermost_standin_logins_waiting/) gauges = gauges ",\"logins_waiting\":" int(part[2])
    if (part[1] ~ /^mattermost_standin_logins_abandoned_total/) gauges = gauges ",\"logins_abandoned\":" int(part[2])
  }
  close(command)
  if (gauges == "" && !asked) metrics = ""
  asked = 1
}
