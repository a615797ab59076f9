/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One JSON text as a tree. */

#include <json-c/json.h>

#include "policy/problem.h"
#include "policy/spots.h"

typedef struct Document {
        json_object *root; /* an object */
        Spots spots;
} Document;

void document_done(Document *document);
#define _cleanup_document_ _cleanup_(document_done)

/**
 * document_parse() - parse a whole file
 * @text: @size bytes and a NUL behind them; comments in it are blanked out. Has to outlive the document.
 * @report: faults that are reported later know their lines, as long as the document is there
 * @ret_document: to be given to document_done(), whatever is returned
 *
 * Return: 0; POLICY_E_REFUSED with the fault in @report; -ENOMEM.
 */
int document_parse(char *text, size_t size, Report *report, Document *ret_document);
