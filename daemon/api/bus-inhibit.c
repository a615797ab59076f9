/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inhibit() and ListInhibitors() of org.gpuswitch1.Manager. */

#include "api/bus-internal.h"

#include <ctype.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"

/* Both are shown to whoever is refused, on one line of a terminal. */
static int check_words(const char *what, const char *text, char buffer[static INHIBIT_TEXT_SIZE],
                       sd_bus_error *ret_error) {
        char quoted[8];

        if (isempty(text))
                return sd_bus_error_setf(ret_error, GPUSWITCH_ERROR_BAD_ARGUMENT,
                                         "'%s' is empty: who is refused has to be told", what);
        for (const char *p = text; *p; p++)
                if (iscntrl((unsigned char) *p))
                        return sd_bus_error_setf(ret_error, GPUSWITCH_ERROR_BAD_ARGUMENT,
                                                 "'%s' has a control character in it", what);
        (void) text_format(quoted, sizeof(quoted), "'%s'", what);
        int r = bus_check_size(ret_error, text, INHIBIT_TEXT_SIZE, quoted);
        return r < 0 ? r : text_copy(buffer, INHIBIT_TEXT_SIZE, text);
}

static int check_card(ApiBus *bus, const char *text, Inhibitor *inhibitor, sd_bus_error *ret_error) {
        GpuView view;

        inhibitor->all = isempty(text);
        if (inhibitor->all)
                return 0;
        if (address_parse(text, &inhibitor->card) < 0)
                return bus_bad_argument(ret_error, text, "PCI address (0000:01:00.0)");
        if (bus->operations->view(inhibitor->card, &view, bus->userdata) < 0)
                return sd_bus_error_setf(ret_error, GPUSWITCH_ERROR_NO_SUCH_GPU, "PCI device %s is not a GPU",
                                         ADDRESS_TEXT(inhibitor->card));
        inhibitor->card = view.address;
        return 0;
}

static int read_inhibitor(ApiBus *bus, sd_bus_message *message, Inhibitor *ret_inhibitor, sd_bus_error *ret_error) {
        const char *card, *who, *why, *mode;

        *ret_inhibitor = (Inhibitor){ .mode = _INHIBIT_MODE_INVALID };
        int r = sd_bus_message_read(message, "ssss", &card, &who, &why, &mode);
        if (r < 0)
                return r;
        ret_inhibitor->mode = inhibit_mode_from_string(mode);
        if (ret_inhibitor->mode < 0)
                return bus_bad_argument(ret_error, mode, "mode: block or delay");
        r = check_words("who", who, ret_inhibitor->who, ret_error);
        if (r >= 0)
                r = check_words("why", why, ret_inhibitor->why, ret_error);
        return r < 0 ? r : check_card(bus, card, ret_inhibitor, ret_error);
}

static void sender_pid(sd_bus_message *message, pid_t *ret_pid) {
        sd_bus_creds *creds = NULL;

        *ret_pid = 0;
        if (sd_bus_query_sender_creds(message, SD_BUS_CREDS_PID, &creds) >= 0)
                (void) sd_bus_creds_get_pid(creds, ret_pid);
        sd_bus_creds_unref(creds);
}

static int inhibit(BusRequest *request, sd_bus_error *ret_error) {
        _cleanup_close_ int fd = -EBADF;
        Inhibitor inhibitor;

        int r = sd_bus_message_rewind(request->message, /* complete= */ 1);
        if (r >= 0)
                r = read_inhibitor(request->bus, request->message, &inhibitor, ret_error);
        if (r < 0)
                return r;
        inhibitor.uid = request->uid;
        sender_pid(request->message, &inhibitor.pid);
        r = inhibitors_take(request->bus->inhibitors, &inhibitor, &fd);
        if (r == INHIBIT_E_USER_LIMIT)
                return sd_bus_error_setf(ret_error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                         "this user has %u inhibitors, the most there may be", INHIBITORS_PER_USER_MAX);
        if (r == INHIBIT_E_LIMIT)
                return sd_bus_error_setf(ret_error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                         "all users together have %u inhibitors, the most there may be", INHIBITORS_MAX);
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(request->message, "h", fd);
}

static void on_inhibit_allowed(sd_bus_message *message, bool allowed, void *userdata) {
        BusRequest *request = userdata;
        sd_bus_error error = SD_BUS_ERROR_NULL;

        if (!bus_request_allowed(request, allowed))
                return;
        int r = inhibit(request, &error);
        if (r < 0)
                (void) sd_bus_reply_method_errno(message, r, &error);
        sd_bus_error_free(&error);
        (void) bus_request_drop(request);
}

int bus_method_inhibit(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        BusRequest *request;
        Inhibitor inhibitor;

        /* Before a person is asked for a password. */
        int r = read_inhibitor(userdata, message, &inhibitor, ret_error);
        if (r >= 0)
                r = bus_request_new(userdata, message, REQUEST_OF_PERSON, inhibitor.card, ret_error, &request);
        if (r < 0)
                return r;
        return bus_request_ask(request, inhibitor.mode == INHIBIT_BLOCK ? POLKIT_ACTION_INHIBIT_BLOCK
                                                                        : POLKIT_ACTION_INHIBIT_DELAY,
                               on_inhibit_allowed);
}

int bus_method_list_inhibitors(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const ApiBus *bus = userdata;
        const Inhibitor *inhibitor;
        sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssssuu)");
        for (size_t i = 0; r >= 0 && (inhibitor = inhibitors_get(bus->inhibitors, i)); i++)
                r = sd_bus_message_append(reply, "(ssssuu)", inhibitor->all ? "" : ADDRESS_TEXT(inhibitor->card),
                                          inhibitor->who, inhibitor->why, inhibit_mode_to_string(inhibitor->mode),
                                          (uint32_t) inhibitor->uid, (uint32_t) inhibitor->pid);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}
