/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json-c says where it stopped, not on which line: the line ends up to there are counted. It is given
 * the NUL behind the text, since only then does it know that there is no more to come.
 */

#include "policy/document.h"

#include "policy/scan.h"

static void root_putp(json_object **p) {
        (void) json_object_put(*p);
}

static void tokener_freep(json_tokener **p) {
        if (*p)
                json_tokener_free(*p);
}

/* The last line that an editor shows: line ends at the end of the file begin no new one. */
static size_t last_line(const char *text, size_t size) {
        while (size > 0 && text[size - 1] == '\n')
                size--;
        return scan_line(text, size, size);
}

void document_done(Document *document) {
        (void) json_object_put(document->root);
        spots_done(&document->spots);
        *document = (Document){ 0 };
}

int document_parse(char *text, size_t size, Report *report, Document *ret_document) {
        _cleanup_(root_putp) json_object *root = NULL;
        _cleanup_(tokener_freep) json_tokener *tokener = NULL;
        ScanFault fault = { 0 };

        *ret_document = (Document){ 0 };
        if (scan_text(text, size, &fault) < 0)
                return report_syntax(report, scan_line(text, size, fault.offset), "%s", fault.text);

        /* json-c counts values, not brackets; the scan has already held the brackets to the limit. */
        tokener = json_tokener_new_ex(DOCUMENT_DEPTH_MAX + 2);
        if (!tokener)
                return -ENOMEM;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        root = json_tokener_parse_ex(tokener, text, (int) size + 1);

        enum json_tokener_error error = json_tokener_get_error(tokener);
        size_t line = scan_line(text, size, json_tokener_get_parse_end(tokener));
        if (error == json_tokener_continue || error == json_tokener_error_parse_eof)
                return report_syntax(report, last_line(text, size), "the file ends too early");
        if (error != json_tokener_success)
                return report_syntax(report, line, "%s", json_tokener_error_desc(error));
        if (!json_object_is_type(root, json_type_object))
                return report_syntax(report, 1, "the file has to hold one object: { ... }");
        int r = spots_read(text, size, &ret_document->spots);
        if (r < 0)
                return r;
        ret_document->root = TAKE_PTR(root);
        report->spots = &ret_document->spots;
        return 0;
}
