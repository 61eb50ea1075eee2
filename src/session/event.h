/*
 * event: what happens to whom, for everything that can be waited for.
 *
 * Associations, listeners, child processes and signals are sources: structures that begin with a
 * `struct gs_source`. gs_wait() moves them and returns the first event that needs a decision.
 */
#ifndef GS_EVENT_H
#define GS_EVENT_H

#include "error.h"
#include "protocol/dimse.h"
#include "storage/sink.h"

#include <poll.h>

enum gs_event_type {
    GS_EVENT_NONE,
    GS_EVENT_ASSOCIATED, /* the peer accepted: `associate` */
    GS_EVENT_REJECTED,   /* `reject`; final */
    GS_EVENT_REQUESTED,  /* acceptor: the peer requests: `associate`; answer it */
    GS_EVENT_COMMAND,  /* `command` on `context`; if it announces a data set, say where that goes */
    GS_EVENT_HEADER,   /* the header window is decided: `received`; resume */
    GS_EVENT_RECEIVED, /* the data set is there: `received` */
    GS_EVENT_SENT,     /* what was sent is with the transport */
    GS_EVENT_RELEASED, /* the association ended well; `by_peer`: on the peer's request; final */
    GS_EVENT_ABORTED,  /* the peer aborted: `source`, `reason`; final */
    GS_EVENT_FAILED,   /* network, deadline or protocol: `error`; final */
    GS_EVENT_CLOSED,   /* our own abort is done; final */
    GS_EVENT_ACCEPTED, /* of a listener: `session` came in */
    GS_EVENT_EXITED,   /* of a child process: `status` as of waitpid(2) */
    GS_EVENT_SIGNALLED /* of the signals: `signal` */
};

/* The name of an event as Lua knows it, for example "associated". */
const char *gs_event_name(enum gs_event_type type);

/* What became of an incoming data set. */
struct gs_received {
    uint64_t size; /* bytes that came */
    bool failed; /* `error` says why it is not stored; all its bytes have been read all the same */
    struct gs_error error;
    bool committed; /* `file` is filled */
    struct gs_committed file;
    const uint8_t
        *bytes; /* memory sink: the data set; header window: the elements before Pixel Data */
    size_t bytes_size;
    bool incomplete;       /* header window: they did not fit, `bytes` is NULL */
    bool odd;              /* the peer has sent a fragment of odd length, then or before */
    bool has_meta;         /* group 0002 stands in it, where the structure was looked at */
    const char *unchecked; /* why its structure was not looked at to its end; or NULL */
    bool whole;            /* header window: nothing stands behind them */
    uint64_t header_size;  /* bytes before Pixel Data, where the structure was looked at; else 0 */
    /* where it was looked at: the UIDs of the data set that are not those of the request; the
     * others have no length */
    struct gs_scan_uid others[GS_SCAN_UIDS];
};

/* Pointers are valid until the source is stepped again. */
struct gs_event {
    enum gs_event_type type;
    const struct gs_associate *associate;
    struct gs_reject reject;
    uint8_t source;
    uint8_t reason;
    bool by_peer;
    const struct gs_error *error;
    uint8_t context;
    const struct gs_command *command;
    const struct gs_received *received;
    struct gs_session *session;
    int status;
    int signal;
};

struct gs_source;

/* `ready`, `deadline` and `excuse` may be NULL where a source needs none; one without `ready` is
 * only stepped when its descriptor is ready. */
struct gs_source_operations {
    /* Moves what can be moved without waiting, GS_SHARE bytes at most. True: `event` is filled. */
    bool (*step)(struct gs_source *source, struct gs_event *event);
    /* What to wait for; a descriptor of -1 is nothing. */
    struct pollfd (*interest)(const struct gs_source *source);
    void (*ready)(struct gs_source *source, short events);
    /* The moment (gs_clock) at which it must be stepped again; INFINITY: none. */
    double (*deadline)(const struct gs_source *source);
    /* It was not waited for in so many seconds: no fault of the peer. */
    void (*excuse)(struct gs_source *source, double seconds);
};

#define GS_SHARE (1u << 20) /* bytes moved for one association before the next has its turn */

struct gs_source {
    const struct gs_source_operations *operations;
    bool busy;   /* the last step used up its share, or let the other end in memory go on */
    bool quiet;  /* gs_wait(): the last step found nothing, and poll(2) has not spoken since */
    double left; /* gs_wait(): when it was last waited for, or when it was made */
};

#endif
