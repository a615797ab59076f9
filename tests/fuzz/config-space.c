/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A configuration space as a card may show it: as many bytes as there are (a card that answers with all ones, a
 * capability list that runs in circles, ...), through the helper's survey, save, restore and verify, and through
 * what the daemon makes of it.
 *
 * An input that begins with 'P' is the space of a whole card with some bytes replaced, see choose_patches().
 */

#include <string.h>

#include "core/config-space.h"
#include "exec/survey.h"
#include "fuzz.h"
#include "helper/config.h"
#include "helper/operations.h"
#include "memory-card.h"

static Helper helper = { .root = "", .socket = -EBADF, .card = { .bus = 1 } };
static HelperRequest request;
static HelperReply reply;

static int ask(HelperVerb verb, FuzzVerdict *verdict) {
        request.verb = verb;
        operation_run(&helper, &request, &reply);
        fuzz_require(reply.status <= 0);
        fuzz_require(memchr(reply.message, '\0', sizeof(reply.message)));
        if (reply.status < 0)
                verdict_refuse(verdict, "%s", reply.message);
        return reply.status;
}

static void load(const uint8_t *data, size_t size) {
        MemoryFunction *function = &memory_card.functions[0];
        Choices choices = { data + 1, data + size };

        memory_card_reset();
        function->driver[0] = memory_card.functions[1].driver[0] = '\0';
        if (size > 0 && data[0] == 'P')
                return choose_patches(&choices, function->config, sizeof(function->config));
        function->config_size = MIN_OF(size, sizeof(function->config));
        memcpy(function->config, data, function->config_size);
}

/* What the survey found is what is saved, put back and compared. */
static void save_and_restore(const FunctionSurvey *survey, FuzzVerdict *verdict) {
        static uint8_t before[CONFIG_SPACE_SIZE];
        MemoryFunction *function = &memory_card.functions[0];
        const SavedSpace *saved = &helper.saved[0];

        request.n_registers = survey->n_registers;
        for (size_t i = 0; i < survey->n_registers; i++)
                request.registers[i] = (HelperRegister){ .offset = survey->registers[i].offset,
                                                         .width = survey->registers[i].width };
        if (ask(HELPER_SAVE_CONFIG, verdict) < 0)
                return;
        fuzz_require(saved->valid && saved->n_registers == survey->n_registers);
        for (size_t i = 0; i < survey->n_registers; i++)
                fuzz_require(saved->registers[i].offset == survey->registers[i].offset &&
                                     saved->registers[i].width == survey->registers[i].width &&
                                     saved->registers[i].value == survey->registers[i].value,
                             "register 0x%x/%u was saved as 0x%x/%u", survey->registers[i].offset,
                             survey->registers[i].width, saved->registers[i].offset, saved->registers[i].width);
        memcpy(before, function->config, sizeof(before));
        for (size_t i = 0; i < survey->n_registers; i++)
                memset(function->config + survey->registers[i].offset, 0, survey->registers[i].width);
        if (ask(HELPER_RESTORE_CONFIG, verdict) < 0)
                return;
        fuzz_require(memcmp(before, function->config, sizeof(before)) == 0, "not put back as it was");
        (void) ask(HELPER_VERIFY_CONFIG, verdict);
}

void fuzz_input(const uint8_t *data, size_t size, FuzzVerdict *ret) {
        static FunctionSurvey survey;

        load(data, size);
        helper.saved[0].valid = false;
        request.magic = HELPER_PROTOCOL_MAGIC;
        request.version = HELPER_PROTOCOL_VERSION;
        request.address = helper.card;
        request.n_registers = 0;
        if (ask(HELPER_ALIVE, ret) < 0 || ask(HELPER_SURVEY, ret) < 0)
                return;
        if (survey_from_reply(&reply, &survey) < 0)
                return verdict_refuse(ret, "survey: %u bytes", reply.config_size);
        fuzz_require(survey.n_registers <= REGISTERS_MAX);
        for (size_t i = 0; i < survey.n_registers; i++) {
                const ConfigRegister *reg = &survey.registers[i];
                fuzz_require((size_t) reg->offset + reg->width <= reply.config_size, "0x%x/%u", reg->offset, reg->width);
                fuzz_require(reg->offset % reg->width == 0, "0x%x/%u", reg->offset, reg->width);
                fuzz_require(reg->value == config_value(reply.config, reg->offset, reg->width));
                fuzz_require(reg->offset != 0x04 || i + 1U == survey.n_registers, "COMMAND is not the last");
                verdict_add_value(ret, reg->offset);
                verdict_add_value(ret, reg->width);
                verdict_add_value(ret, reg->value);
        }
        save_and_restore(&survey, ret);
}
