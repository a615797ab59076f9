/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "exec/request.h"

#include "base/macros.h"
#include "base/text.h"

/* The helper gives a wait up this much before we give up the helper: "still in use" is an answer, not a hang.
 */
#define WAIT_MARGIN_USEC (2 * USEC_PER_SEC)

static const struct {
        HelperVerb verb;
        const char *attribute;
} verbs[_STEP_KIND_MAX] = {
        [STEP_NODES_FREE] = { HELPER_NODES_FREE, "" },
        [STEP_GROUP_FREE] = { HELPER_GROUP_FREE, "" },
        [STEP_ALIVE] = { HELPER_ALIVE, "" },
        [STEP_SET_D3COLD] = { HELPER_WRITE_ATTRIBUTE, "d3cold_allowed" },
        [STEP_SET_OVERRIDE] = { HELPER_WRITE_ATTRIBUTE, "driver_override" },
        [STEP_SET_POWER] = { HELPER_WRITE_ATTRIBUTE, "power/control" },
        [STEP_UNBIND] = { HELPER_UNBIND, "" },
        [STEP_BIND] = { HELPER_BIND, "" },
        [STEP_PROBE] = { HELPER_PROBE, "" },
        [STEP_SAVE_CONFIG] = { HELPER_SAVE_CONFIG, "" },
        [STEP_WRITE_CONFIG] = { HELPER_WRITE_CONFIG, "" },
        [STEP_CHECK_REGISTER] = { HELPER_CHECK_REGISTER, "" },
        [STEP_POLL_REGISTER] = { HELPER_POLL_REGISTER, "" },
        [STEP_WRITE_REGISTER] = { HELPER_WRITE_REGISTER, "" },
        [STEP_DIFFER_REGISTER] = { HELPER_DIFFER_REGISTER, "" },
        [STEP_SET_METHOD] = { HELPER_WRITE_ATTRIBUTE, "reset_method" },
        [STEP_FUNCTION_RESET] = { HELPER_FUNCTION_RESET, "" },
        [STEP_VENDOR_RESET] = { HELPER_VENDOR_RESET, "" },
        [STEP_D3HOT] = { HELPER_D3HOT, "" },
        [STEP_DELAY] = { HELPER_DELAY, "" },
        [STEP_RESTORE_CONFIG] = { HELPER_RESTORE_CONFIG, "" },
        [STEP_VERIFY_CONFIG] = { HELPER_VERIFY_CONFIG, "" },
        [STEP_GUARD_SET] = { HELPER_GUARD_SET, "" },
        [STEP_GUARD_CLEAR] = { HELPER_GUARD_CLEAR, "" },
        [STEP_WAKE_ALARM] = { HELPER_WAKE_ALARM, "" },
        [STEP_REMOVE_RESCAN] = { HELPER_REMOVE_RESCAN, "" },
};

static void request_init(HelperVerb verb, PciAddress address, HelperRequest *ret_request) {
        *ret_request = (HelperRequest){
                .magic = HELPER_PROTOCOL_MAGIC,
                .version = HELPER_PROTOCOL_VERSION,
                .verb = verb,
                .address = address,
                .iommu_group = -1,
        };
}

static HelperPlace place_from_step(const RegisterPlace *place) {
        return (HelperPlace){ .bar = place->bar,
                              .index_offset = place->index_offset,
                              .data_offset = place->data_offset,
                              .address = place->address };
}

int request_from_step(const Step *step, HelperRequest *ret_request) {
        HelperRequest request;

        if (step->kind < 0 || step->kind >= _STEP_KIND_MAX || step->timeout_usec == 0 ||
            step->n_registers > REGISTERS_MAX)
                return -EINVAL;
        request_init(verbs[step->kind].verb, step->address, &request);
        (void) text_copy(request.attribute, sizeof(request.attribute), verbs[step->kind].attribute);
        if (text_copy(request.text, sizeof(request.text), step->text) < 0)
                return -EINVAL;
        request.iommu_group = step->iommu_group;
        request.offset = step->offset;
        request.mask = step->mask;
        request.value = step->value;
        request.place = place_from_step(&step->place);
        request.test = (uint32_t) step->test;
        request.other = place_from_step(&step->other);
        request.other_mask = step->other_mask;
        request.delay_usec = step->delay_usec;
        /* What polls is told its own end, and has the margin on top of it. */
        request.timeout_usec = step->kind == STEP_POLL_REGISTER
                                       ? step->timeout_usec
                                       : step->timeout_usec - MIN_OF(step->timeout_usec / 4, WAIT_MARGIN_USEC);
        request.n_registers = step->n_registers;
        for (size_t i = 0; i < step->n_registers; i++)
                request.registers[i] = (HelperRegister){ .offset = step->registers[i].offset,
                                                         .width = step->registers[i].width,
                                                         .value = step->registers[i].value };
        *ret_request = request;
        return 0;
}

void request_survey(PciAddress address, HelperRequest *ret_request) {
        request_init(HELPER_SURVEY, address, ret_request);
        ret_request->timeout_usec = SURVEY_TIMEOUT_USEC;
}

void request_port(PciAddress address, HelperRequest *ret_request) {
        request_init(HELPER_READ_PORT, address, ret_request);
        ret_request->timeout_usec = SURVEY_TIMEOUT_USEC;
}

void request_group(PciAddress address, int32_t group, HelperRequest *ret_request) {
        request_init(HELPER_READ_GROUP, address, ret_request);
        ret_request->iommu_group = group;
        ret_request->timeout_usec = SURVEY_TIMEOUT_USEC;
}

usec_t step_deadline_usec(const Step *step) {
        /* A delay is time that the step is meant to take, and no part of its being late. */
        usec_t delay = step->kind == STEP_DELAY           ? step->delay_usec
                       : step->kind == STEP_POLL_REGISTER ? ATTRIBUTE_TIMEOUT_USEC
                                                          : 0;

        return step->timeout_usec > USEC_INFINITY - delay ? USEC_INFINITY : step->timeout_usec + delay;
}
