/*
 * session: one association from its transport to its sinks.
 *
 * It joins the rooms that do not know each other: bytes from a transport go through the state
 * machine and the assembly of messages; data sets go to a sink; what the user sends goes back the
 * same way. It is a source for gs_wait(); nothing here blocks but gs_session_free(), for a moment.
 *
 * An end is told once, by a final event (see event.h); then the transport is closed, an object that
 * was coming in is dropped, and nothing more happens. After an abort of ours the end is told when
 * the peer has read it, or GS_LINGER seconds later: a connection that is reset destroys an A-ABORT.
 */
#ifndef GS_SESSION_H
#define GS_SESSION_H

#include "net/tls.h"
#include "session/event.h"

#define GS_LINGER 1.0 /* seconds in which the peer may read our last words */

/* Seconds; INFINITY is none. connect, acse and release count from the beginning, whatever comes
 * meanwhile; drain does from the moment at which an object was given up while it came. dimse and
 * write count from the last progress: for an acceptor each byte, for a requestor a request of its
 * own, or bytes of objects; of those, and of what is written, `rate` bytes are worth a second. So
 * neither responses without an object nor single bytes now and then postpone the end. */
struct gs_deadlines {
    double connect;
    double acse;
    double dimse;
    double write;
    double drain;
    double release;
    double rate; /* bytes a second */
};
#define GS_DEADLINES_DEFAULT                                                                       \
    {                                                                                              \
        .connect = INFINITY, .acse = 30, .dimse = INFINITY, .write = 60, .drain = 300,             \
        .release = 5, .rate = 100                                                                  \
    }

struct gs_session;

/* Takes the transport, which may still be opening, in any case. `receive_max` as of
 * gs_association_new(). NULL: out of memory. */
struct gs_session *gs_session_new(struct gs_transport *transport, bool requestor,
                                  uint32_t receive_max);
/* Aborts what still stands, and gives the peer a quarter of a second to read that. */
void gs_session_free(struct gs_session *session);

struct gs_source *gs_session_source(struct gs_session *session);
struct gs_association *gs_session_association(const struct gs_session *session);
const char *gs_session_peer(const struct gs_session *session); /* address as text */
/* What TLS says of the connection. -1: there is none, or it has none (any more). */
int gs_session_tls(const struct gs_session *session, struct gs_tls_facts *facts);
double gs_session_idle(const struct gs_session *session); /* seconds without progress */
struct gs_deadlines *gs_session_deadlines(struct gs_session *session);
bool gs_session_over(const struct gs_session *session);
/* An event asked for a decision (receive, resume) that was not taken yet: waiting is of no use. */
bool gs_session_undecided(const struct gs_session *session);

/* Primitives, as those of association.h. -1: the state does not allow it. */
int gs_session_request(struct gs_session *session, struct gs_associate *associate);
int gs_session_accept(struct gs_session *session, struct gs_associate *associate);
int gs_session_reject(struct gs_session *session, struct gs_reject reject);
int gs_session_release(struct gs_session *session);
int gs_session_abort(struct gs_session *session);
/* Closes the transport without a word, as when a program dies; GS_EVENT_CLOSED tells. */
void gs_session_drop(struct gs_session *session);

/* Where a data set comes from. */
struct gs_outgoing {
    const uint8_t *bytes; /* copied; NULL: none */
    size_t size;
    int descriptor;  /* a file to stream from its current offset; -1: none; taken in any case */
    uint64_t length; /* bytes of it */
    bool unfinished; /* a fault: these are not all bytes of the data set, and no more will come */
};

/* Sends a command, and the data set where there is one. 1: all of it is with the transport; 0: some
 * of it waits, and GS_EVENT_SENT will tell; -1: `error` ("not-associated", "no-context", "busy":
 * another data set is still under way). A file that cannot be read to its end aborts the
 * association. */
int gs_session_send(struct gs_session *session, uint8_t context, const struct gs_command *command,
                    struct gs_outgoing *data, struct gs_error *error);

/* After GS_EVENT_COMMAND with a data set: where that goes. The sink is taken in any case. `name`
 * (may be NULL) is the name under which it is committed as soon as all is there; without one the
 * sink waits for gs_session_commit(). `source` is the AE title for the file meta information. A
 * sink that cannot begin is not an error here: the data set is read, and GS_EVENT_RECEIVED tells.
 * -1: nothing is expected. */
int gs_session_receive(struct gs_session *session, struct gs_sink *sink, const char *name,
                       enum gs_collision collision, const char *source);
/* After GS_EVENT_HEADER: go on, with the name as above, or with `keep` false without storing it.
 * `edits` (may be NULL) are made as of gs_sink_edit(); where they fail, GS_EVENT_RECEIVED tells.
 * -1: no header waits, or there are edits and it is incomplete. */
int gs_session_resume(struct gs_session *session, bool keep, const char *name,
                      enum gs_collision collision, const struct gs_edits *edits);
/* After GS_EVENT_RECEIVED without a name: commit now. The result lies in the session. NULL:
 * `error`. */
const struct gs_committed *gs_session_commit(struct gs_session *session, const char *name,
                                             enum gs_collision collision, struct gs_error *error);
/* Until then: the path at which the object can be read, as of gs_sink_spool(). */
int gs_session_spool(struct gs_session *session, char path[GS_PATH_MAX], struct gs_error *error);
/* Until then, too: edit the whole object, as of gs_sink_edit(). */
int gs_session_edit(struct gs_session *session, const struct gs_edits *edits,
                    struct gs_error *error);

#endif
