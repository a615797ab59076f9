/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "base/text.h"
#include "client/json.h"
#include "client/session.h"
#include "client/status.h"
#include "client/table.h"

enum { COLUMN_GPU, COLUMN_NAME, COLUMN_OWNER, COLUMN_STATE, COLUMN_DRIVER, COLUMN_VM, _COLUMN_MAX };

static const char *const headings[_COLUMN_MAX] = { "GPU", "NAME", "OWNER", "STATE", "DRIVER", "VM" };

static int add_row(Table *table, const Gpu *gpu) {
        const char *driver = gpu->n_functions > 0 ? gpu->functions[0].driver : "";
        Colour state_colour = gpu->stuck ? COLOUR_BAD : colour_of_reset_state(gpu->reset_state);
        int r = table_row(table);

        if (r >= 0)
                r = table_set(table, COLUMN_GPU, COLOUR_PLAIN, "%s", gpu->address);
        if (r >= 0)
                r = table_set(table, COLUMN_NAME, COLOUR_PLAIN, "%s", gpu->name);
        if (r >= 0)
                r = table_set(table, COLUMN_OWNER, colour_of_owner(gpu->owner), "%s", gpu->owner);
        if (r >= 0)
                r = table_set(table, COLUMN_STATE, state_colour, "%s%s", gpu->reset_state,
                              gpu->stuck ? ", stuck" : "");
        if (r >= 0)
                r = table_set(table, COLUMN_DRIVER, COLOUR_PLAIN, "%s", driver);
        if (r >= 0)
                r = table_set(table, COLUMN_VM, COLOUR_PLAIN, "%s", gpu->domain_name);
        return r;
}

static int print_table(const GpuList *list) {
        _cleanup_(table_done) Table table;

        int r = table_init(&table, headings, _COLUMN_MAX);
        for (size_t i = 0; r >= 0 && i < list->n_gpus; i++)
                r = add_row(&table, &list->gpus[i]);
        if (r >= 0)
                table_print(&table, stdout);
        return r;
}

ExitStatus verb_list(const Options *options, char **arguments) {
        _cleanup_session_ Session session;

        ExitStatus status = session_open(&session, options);
        if (status != EXIT_DONE)
                return status;
        if (options->json)
                return print_status_json(session.list.gpus, session.list.n_gpus);
        if (session.list.n_gpus == 0) {
                fputs("This machine has no GPU.\n", stderr);
                return EXIT_DONE;
        }
        int r = print_table(&session.list);
        if (r < 0) {
                fprintf(stderr, "cannot print the table: %s\n", strerror(-r));
                return EXIT_REFUSED;
        }
        return EXIT_DONE;
}
