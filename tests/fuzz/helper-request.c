/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests as the helper gets them. The input is a list of them: each a verb, then what is different from a
 * good request of that verb (choose_patches()). Accepted: every one was done. Whatever is asked for, memory-card.c
 * watches what is written.
 */

#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "gpuswitch/names.h"
#include "helper/operations.h"
#include "memory-card.h"

static Helper helper = { .root = "", .card = { .bus = 1 }, .socket = -EBADF };

static void make_request(HelperVerb verb, HelperRequest *request) {
        memset(request, 0, sizeof(*request));
        request->magic = HELPER_PROTOCOL_MAGIC;
        request->version = HELPER_PROTOCOL_VERSION;
        request->verb = verb;
        request->address = (PciAddress){ .bus = 1 };
        request->iommu_group = -1;
        if (verb == HELPER_WRITE_ATTRIBUTE) {
                (void) text_copy(request->attribute, sizeof(request->attribute), "driver_override");
                (void) text_copy(request->text, sizeof(request->text), DRIVER_VFIO_PCI);
        } else if (verb == HELPER_UNBIND)
                (void) text_copy(request->text, sizeof(request->text), "amdgpu");
        else if (verb == HELPER_BIND)
                (void) text_copy(request->text, sizeof(request->text), DRIVER_VFIO_PCI);
        else if (verb == HELPER_WRITE_CONFIG) {
                request->offset = 0x7c;
                request->mask = UINT32_MAX;
        } else if (verb == HELPER_FUNCTION_RESET)
                (void) text_copy(request->text, sizeof(request->text), "flr");
        else {
                /* SMC_PC_C of a VI chip is what memory-chip.c says of it. */
                request->place = (HelperPlace){ 5, 0x6b0, 0x6b4, 0x80000370 };
                request->other = (HelperPlace){ 5, 0, 0, 0x5428 };
                request->mask = verb == HELPER_CHECK_REGISTER || verb == HELPER_POLL_REGISTER ? UINT32_MAX : 1;
                request->value = request->mask & 0x20100;
                request->other_mask = 1;
        }
        request->registers[0] = (HelperRegister){ .offset = 0x10, .width = 4 };
        request->registers[1] = (HelperRegister){ .offset = 0x04, .width = 2, .value = 7 };
        request->n_registers = 2;
}

static void take_reply(const HelperReply *reply, size_t number, FuzzVerdict *verdict) {
        fuzz_require(reply->magic == HELPER_PROTOCOL_MAGIC && reply->version == HELPER_PROTOCOL_VERSION);
        fuzz_require(reply->status <= HELPER_NOT_APPLICABLE, "%d", reply->status);
        fuzz_require(reply->status == 0 || reply->message[0] != '\0', "%d without a reason", reply->status);
        verdict_add_field(verdict, reply->message);
        verdict_add_field(verdict, reply->driver_override);
        verdict_add_field(verdict, reply->power_control);
        verdict_add_field(verdict, reply->d3cold_allowed);
        verdict_add_field(verdict, reply->power_state);
        fuzz_require(reply->config_size <= sizeof(reply->config));
        verdict_add(verdict, reply->config, reply->config_size);
        if (reply->status != 0)
                verdict_refuse(verdict, "request %zu: %s", number, reply->message);
}

void fuzz_input(const uint8_t *data, size_t size, FuzzVerdict *ret) {
        static HelperRequest request;
        static HelperReply reply;
        Choices choices = { data, data + size };
        size_t n = 0;

        memory_card_reset();
        for (size_t i = 0; i < FUNCTIONS_MAX; i++) {
                helper.saved[i].valid = false;
                helper.reset_methods[i][0] = '\0';
        }
        while (choices_left(&choices) && n < 16) {
                make_request(choose_byte(&choices), &request);
                choose_patches(&choices, &request, sizeof(request));
                /* Waits that would only cost time: their bounds are looked at by unit tests. */
                request.timeout_usec = 0;
                if (request.delay_usec <= 5 * USEC_PER_SEC)
                        request.delay_usec = 0;
                size_t n_writes = memory_card_n_writes();
                operation_run(&helper, &request, &reply);
                take_reply(&reply, ++n, ret);
                fuzz_require(reply.status != -EINVAL ||
                                     memory_card_n_writes() == n_writes,
                             "refused, and written all the same");
                if (reply.status == -EPROTO)
                        break; /* as main.c: nobody understands the other any more */
        }
        if (n == 0)
                verdict_refuse(ret, "request 1: there is none");
}
