/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel would make the caller wait for, left to a child process that outlives the call.
 */
#ifndef HAWSER_DETACH_H
#define HAWSER_DETACH_H

/**
 * detach_child() - become a process that holds nothing of the call; for a child right after fork()
 * @keep: descriptor that stays, as number 0
 *
 * A session of its own, "/" as working directory, no other descriptor: a runtime that waits for the
 * end of our stdout does not wait for the child.
 */
void detach_child(int keep);

/**
 * detach_linger() - the end of a detached child: what detach_finish() gave it is closed, late
 * @sock: the child's end of a socket pair; what lies in it is closed with it
 *
 * After a transaction that removed something, closing any socket of nf_tables waits for the grace
 * period before the memory is given back, and holds the lock of all transactions meanwhile
 * (nft_rcv_nl_event() in net/netfilter/nf_tables_api.c). The child lets that period pass first.
 */
void detach_linger(int sock) __attribute__((noreturn));

/**
 * detach_to() - name a child of this call that detach_finish() may leave descriptors to
 * @sock: our end of a socket pair whose other end the child passes to detach_linger(); owned here
 *        from now on
 */
void detach_to(int sock);

/**
 * detach_close() - close a descriptor without waiting for what its last close() waits for
 * @fd: owned here from now on; what it did is visible to everybody already
 */
void detach_close(int fd);

/**
 * detach_finish() - the end of a call: leave what was passed to detach_close() to a child
 *
 * To the one named by detach_to() if it lives, else to one forked here; without any, or if that
 * fails, the end of the process closes it and waits.
 */
void detach_finish(void);

#endif
