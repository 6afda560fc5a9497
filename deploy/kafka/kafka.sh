#!/usr/bin/env bash
# A real Apache Kafka broker (KRaft, one node, loopback only) for development and tests.
#
#   kafka.sh install   fetch the jars through Maven (once)
#   kafka.sh start     start in the background, wait until the broker answers
#   kafka.sh run       the same in the foreground (Ctrl-C stops it)
#   kafka.sh stop      ask it to stop, after 30 s insist
#   kafka.sh kill      kill -9, as a crash would (the data stays)
#   kafka.sh status    exit code 0: answers, 1: runs but does not answer, 3: does not run
#   kafka.sh wipe      delete its data (only when stopped)
#
# Environment: KAFKA_PORT (9092), KAFKA_CONTROLLER_PORT (KAFKA_PORT + 1000), KAFKA_DATA (in the cache folder, by port),
# KAFKA_PROXIED (listen:advertised: a second listener whose clients come through a proxy), KAFKA_HEAP (512m), KAFKA_JVM (the quick compiler and the plain collector:
# a broker that lives for minutes on two cores never earns back what the optimizing ones take), KAFKA_TIMEOUT (90 s to start), QUITTANCE_CACHE (~/.cache/quittance).
# Brokers with different ports and data run side by side. A broker is known by the pid it was started with, never by a search.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${QUITTANCE_CACHE:-$HOME/.cache/quittance}
version=$(sed -n 's:.*<kafka.version>\(.*\)</.*:\1:p' "$here/pom.xml")
libs=$cache/kafka-$version
port=${KAFKA_PORT:-9092}
controller=${KAFKA_CONTROLLER_PORT:-$((port < 64000 ? port + 1000 : port - 1000))}
data=${KAFKA_DATA:-$cache/kafka-data/$port}
proxied=${KAFKA_PROXIED:-}
pidfile=$data/kafka.pid
log=$data/kafka.log
name=127.0.0.1:$port

say() { echo "kafka $name: $*"; }
die() { echo "kafka $name: error: $*" >&2; exit "${code:-1}"; }

# The kernel's start time of a process beside its pid: a pid file that outlived its process never names another one.
born() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
# Dead but not yet reaped by its parent. While one of its threads is still ending, its ports are still taken: not dead yet.
zombie() { grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null && [ "$(ls "/proc/$1/task" | wc -l)" -le 1 ]; }
pid() { # prints the pid of our broker if it is alive
  local pid start
  read -r pid start 2>/dev/null <"$pidfile" && [ "$(born "$pid")" = "$start" ] && ! zombie "$pid" && echo "$pid"
}
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
answers() { # one ApiVersions v0 request in the raw; the answer repeats our correlation id and says error 0
  local got
  got=$(exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$port" &&
    printf '\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff' >&3 && timeout 5 head -c 10 <&3 | od -An -v -tx1 | tr -d ' \n') || return 1
  [ "${got:8}" = 000000010000 ]
}
age() { echo $(($(cut -d. -f1 /proc/uptime) - $(born "$1") / $(getconf CLK_TCK))); } # seconds
gone() { # waits up to $2 seconds for the process to end
  local i
  for ((i = 0; i < $2 * 10; i++)); do
    [ "$(pid)" = "$1" ] || return 0
    sleep 0.1
  done
  return 1
}

install() {
  [ -e "$libs/kafka_2.13-$version.jar" ] && return
  command -v mvn >/dev/null && command -v java >/dev/null || die "Java or Maven is missing: run deploy/dev/install.sh first."
  say "fetching Kafka $version into $libs"
  mkdir -p "$cache"
  local work
  work=$(mktemp -d "$cache/kafka.XXXXXX")
  mvn -B -q -Dstyle.color=never -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work" ||
    { rm -rf "$work"; die "Maven could not bring the jars (its message is above)."; }
  chmod 755 "$work"
  # A rename: the folder is complete or absent. Where another install was faster, its result stands.
  mv -T "$work" "$libs" 2>/dev/null || rm -rf "$work"
}

prepare() { # installed, ports free, configuration written, storage formatted
  install
  local p
  for p in "$port" "$controller"; do
    ! listening "$p" || die "port $p is taken by another program: choose another KAFKA_PORT or KAFKA_CONTROLLER_PORT."
  done
  cat >"$data/server.properties" <<CONFIG
# Written by kafka.sh at each start.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller${proxied:+,PROXIED://127.0.0.1:${proxied%:*}}
advertised.listeners=PLAINTEXT://127.0.0.1:$port${proxied:+,PROXIED://127.0.0.1:${proxied#*:}}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$data/logs
# A misspelt topic is an error, never a new empty topic.
auto.create.topics.enable=false
# One node.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# Nobody else will join: a consumer group need not wait three seconds for its first member.
group.initial.rebalance.delay.ms=0
# After kill -9 the controller refuses the new broker until the old one's session is over: 9 s by default.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
CONFIG
  if [ ! -e "$data/logs/meta.properties" ]; then
    local id
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' '__' | cut -c1-22)
    java -Xmx128m -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="$here/log4j2.properties" -cp "$libs/*" \
      kafka.tools.StorageTool format -t "$id" -c "$data/server.properties" >"$log" 2>&1 9>&- || die "formatting failed: $(tail -3 "$log" | cut -c1-300)"
  fi
}

# The shell becomes the broker ($1: setsid, for a session of its own), so the pid written here is the broker's from the first moment on.
broker() {
  local me=$BASHPID
  echo "$me $(born "$me")" >"$pidfile"
  # All of the heap from the start: what is young has a third of it, where it would have 80 MB of a small one and stop the broker every second.
  exec $1 java ${KAFKA_JVM--XX:TieredStopAtLevel=1 -XX:+UseSerialGC} -Xmx"${KAFKA_HEAP:-512m}" -Xms"${KAFKA_HEAP:-512m}" -Djava.awt.headless=true -Dlog4j2.configurationFile="$here/log4j2.properties" \
    -cp "$libs/*" kafka.Kafka "$data/server.properties" 9>&-
}

lock() { # two starts at once make one broker
  mkdir -p "$data"
  data=$(cd "$data" && pwd) pidfile=$data/kafka.pid log=$data/kafka.log
  exec 9>"$data/start.lock"
  flock 9
}

start() {
  lock
  if pid >/dev/null; then
    answers || die "runs (pid $(pid)) but does not answer: kafka.sh kill, then start."
    say "runs already (pid $(pid))"
    return
  fi
  prepare
  local child from=$SECONDS
  broker setsid </dev/null >>"$log" 2>&1 & # setsid: Ctrl-C in the terminal that started it is not for the broker
  child=$!
  until answers; do
    kill -0 "$child" 2>/dev/null || die "did not start; the end of $log:"$'\n'"$(tail -5 "$log" | cut -c1-300)"
    [ $((SECONDS - from)) -lt "${KAFKA_TIMEOUT:-90}" ] ||
      { kill -9 "$child"; die "no answer after ${KAFKA_TIMEOUT:-90} s, killed; the end of $log:"$'\n'"$(tail -5 "$log" | cut -c1-300)"; }
    sleep 0.1
  done
  say "started in $((SECONDS - from)) s (pid $child, log $log)"
}

run() {
  lock
  ! pid >/dev/null || die "runs already (pid $(pid))."
  prepare
  say "starting in the foreground, Ctrl-C stops it"
  broker ""
}

stop() {
  local pid
  pid=$(pid) || { say "not running"; return 0; }
  kill "$pid"
  if gone "$pid" 30; then say "stopped"; else
    kill -9 "$pid"
    gone "$pid" 10 || die "pid $pid survives kill -9."
    say "did not stop in 30 s, killed"
  fi
  rm -f "$pidfile"
}

crash() {
  local pid
  pid=$(pid) || code=3 die "not running, nothing to kill."
  kill -9 "$pid"
  gone "$pid" 10 || die "pid $pid survives kill -9."
  rm -f "$pidfile"
  say "killed (was pid $pid), the data stays in $data"
}

status() {
  local pid
  pid=$(pid) || { say "not running (data $data)"; return 3; }
  answers || { say "pid $pid runs but does not answer (log $log)"; return 1; }
  say "running, pid $pid, up $(age "$pid") s, data $data, log $log"
}

wipe() {
  ! pid >/dev/null || die "runs (pid $(pid)): stop it first."
  [ -d "$data" ] || { say "nothing to wipe"; return 0; }
  [ -e "$data/server.properties" ] || die "$data does not look like a broker's data (no server.properties): not deleted."
  rm -rf "$data"
  say "deleted $data"
}

case ${1:-} in
  install) install; say "Kafka $version is in $libs" ;;
  start) start ;;
  run) run ;;
  stop) stop ;;
  kill) crash ;;
  status) status ;;
  wipe) wipe ;;
  *) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; [ "${1:-help}" = help ] || exit 2 ;;
esac
