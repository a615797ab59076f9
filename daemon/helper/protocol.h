/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Requests in, replies out, and what every request must look like whatever it asks for. */

#include "base/macros.h"
#include "helper/helper.h"

/**
 * request_receive() - wait for the next request
 *
 * Return: 1 and a request of the right size; 0 when the other side has closed; -EPROTO for a message
 * of another size; other negative errno.
 */
int request_receive(int socket, HelperRequest *ret_request);

/**
 * request_check() - the rules that hold for every request: refuse what is malformed or is about another card
 *
 * Return: 0; -EPROTO when it comes from another build; -EINVAL; other negative errno. reply->message is set.
 */
int request_check(const Helper *helper, const HelperRequest *request, HelperReply *reply);

/** reply_send() - Return: 0, or negative errno (-EPIPE: nobody is there any more). */
int reply_send(int socket, const HelperReply *reply);

/** reply_fail() - sets the message; returns @error, so that failing and returning is one statement. */
int reply_fail(HelperReply *reply, int error, const char *format, ...) _printf_(3, 4);

/** peer_has_left() - has the other side closed, or said that no further request will come? Never waits. */
bool peer_has_left(int socket);
