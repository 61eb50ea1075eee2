# The servers of the benchmarks: start_server KIND starts one on a free port of the loopback interface,
# with $objects objects of $size bytes, and returns when it answers; stop_server ends it. Sourced by run.
# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with run

PATH=$PATH:/usr/sbin # Orthanc
server=              # the process
behind=              # the one behind a gateway

has_server() {
    case $1 in
    c) ;;
    dcmqrscp | gateway) command -v dcmqrscp >/dev/null ;;
    orthanc) command -v Orthanc >/dev/null && command -v storescu >/dev/null ;;
    esac
}

# Sets: title, port, study
start_server() {
    study=$("$bench/objects" 0 "$size" "$work")
    rm -rf "$work/server" && mkdir "$work/server"
    "start_$1" && return
    echo "$1 did not start:" >&2
    tail -n 5 "$work/server/log" >&2
    stop_server
    return 1
}

stop_server() {
    [ -n "$server" ] || return 0
    # shellcheck disable=SC2086 # words are wanted
    kill $server $behind 2>/dev/null
    # shellcheck disable=SC2086
    wait $server $behind 2>/dev/null
    server='' behind=''
}

# await COMMAND...: until it succeeds, at most 30 s, and as long as the server lives
await() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -ge 600 ] || ! kill -0 "$server" 2>/dev/null; then
            return 1
        fi
        sleep 0.05
    done
}

start_c() {
    title=BENCH
    keys=
    [ ! -d "$tls" ] || keys="--key $tls/key.pem --certificate $tls/certificate.pem"
    # shellcheck disable=SC2086 # words are wanted
    $pin_server "$bench/server" --objects "$objects" --size "$size" $keys \
        --port-file "$work/server/port" >"$work/server/log" 2>&1 &
    server=$!
    await test -s "$work/server/port" && port=$(cat "$work/server/port")
}

start_dcmqrscp() {
    title=QR
    port=$("$bench/server" --free-port)
    mkdir "$work/server/archive"
    "$bench/objects" "$objects" "$size" "$work/server/archive" >/dev/null &&
        dcmqridx "$work/server/archive" "$work"/server/archive/2.* >"$work/server/log" 2>&1 ||
        return 1
    cat >"$work/server/cfg" <<END
NetworkTCPPort  = $port
MaxPDUSize      = 16384
MaxAssociations = 16
HostTable BEGIN
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
QR $work/server/archive RW (10, 4096mb) ANY
AETable END
END
    $pin_server dcmqrscp -c "$work/server/cfg" >>"$work/server/log" 2>&1 &
    server=$!
    await echoscu -aec "$title" 127.0.0.1 "$port"
}

# dcmqrscp behind a gateway that speaks TLS for it
start_gateway() {
    start_dcmqrscp || return 1
    behind=$server
    # shellcheck disable=SC2154 # it is run's
    $pin_server "$bench/../tests/gateway" --to "$port" --port-file "$work/server/port" \
        --key "$tls/key.pem" --certificate "$tls/certificate.pem" >>"$work/server/log" 2>&1 &
    server=$!
    await test -s "$work/server/port" && port=$(cat "$work/server/port")
}

start_orthanc() {
    title=ORTHANC
    port=$("$bench/server" --free-port)
    cat >"$work/server/orthanc.json" <<END
{
  "Name": "bench",
  "StorageDirectory": "$work/server/db",
  "IndexDirectory": "$work/server/db",
  "Plugins": [],
  "HttpServerEnabled": false,
  "DicomServerEnabled": true,
  "DicomAet": "$title",
  "DicomPort": $port,
  "DicomCheckCalledAet": false,
  "DicomAlwaysAllowEcho": true,
  "DicomAlwaysAllowStore": true,
  "DicomAlwaysAllowGet": true,
  "RemoteAccessAllowed": false,
  "StableAge": 1
}
END
    $pin_server Orthanc "$work/server/orthanc.json" >"$work/server/log" 2>&1 &
    server=$!
    await echoscu -aec "$title" 127.0.0.1 "$port" || return 1
    mkdir "$work/server/files"
    "$bench/objects" "$objects" "$size" "$work/server/files" >/dev/null &&
        TCP_NODELAY=1 storescu -aec "$title" +sd 127.0.0.1 "$port" "$work/server/files" \
            >>"$work/server/log" 2>&1 || return 1
    rm -rf "$work/server/files"
}
