/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A tiny model of the kernel's driver model, for running plans in tests: driver link, driver_override,
 * power/control, d3cold_allowed, and the registers that a reset wipes.
 *
 * Its rules, all from the kernel: an override that names another driver makes a bind fail
 * (pci_match_device()); vfio-pci and pci-stub match nothing without an override, unless the function was
 * given to them by new_id, as those were that start there without one; unbinding what is not bound there is
 * -ENODEV; vfio-pci allows runtime PM while it is bound and forbids it afterwards
 * (vfio_pci_core_register_device()), and so do host drivers. gpuswitch-guard takes a card on its list while it is loaded. "Already so"
 * is success, as the helper has it.
 */

#include <errno.h>

#include "base/address.h"
#include "base/text.h"
#include "card-fixture.h"
#include "core/facts.h"
#include "core/plan.h"

typedef struct ModelFunction {
        PciAddress address;
        char driver[DRIVER_NAME_SIZE];
        char driver_override[DRIVER_NAME_SIZE];
        char power_control[ATTRIBUTE_VALUE_SIZE]; /* "": no such attribute */
        char d3cold_allowed[ATTRIBUTE_VALUE_SIZE];
        char reset_method[ATTRIBUTE_VALUE_SIZE];
        char native[DRIVER_NAME_SIZE]; /* has the function in its table of ids */
        char given[DRIVER_NAME_SIZE];  /* got it by new_id */
        size_t n_registers;
        ConfigRegister registers[REGISTERS_MAX];
} ModelFunction;

typedef struct Model {
        size_t n_functions;
        ModelFunction functions[FUNCTIONS_MAX];
        bool stub_loaded;
        bool guard_loaded;   /* gpuswitch-guard */
        bool module_guarded; /* has the card on its list */
        const char *fault; /* a step that no plan may contain; NULL while there was none */
} Model;

static inline _unused_ const char *model_native_driver(FunctionRole role) {
        switch (role) {
        case FUNCTION_ROLE_DISPLAY:
                return "amdgpu";
        case FUNCTION_ROLE_AUDIO:
                return "snd_hda_intel";
        case FUNCTION_ROLE_USB:
                return "xhci_hcd";
        case FUNCTION_ROLE_UCSI:
                return "ucsi_ccg";
        case FUNCTION_ROLE_OTHER:
        case _FUNCTION_ROLE_MAX:
        case _FUNCTION_ROLE_INVALID:
                break;
        }
        return "other_driver";
}

static inline _unused_ Model model_from(const CardFacts *card, const MachineFacts *machine) {
        Model model = { .n_functions = card->n_functions, .stub_loaded = machine->stub_driver_loaded,
                        .guard_loaded = machine->guard_module_loaded, .module_guarded = card->module_guarded };

        for (size_t i = 0; i < card->n_functions; i++) {
                const FunctionFacts *facts = &card->functions[i];
                ModelFunction *f = &model.functions[i];
                f->address = facts->address;
                f->n_registers = facts->survey.n_registers;
                (void) text_copy(f->driver, sizeof(f->driver), facts->driver);
                (void) text_copy(f->given, sizeof(f->given), facts->driver);
                (void) text_copy(f->driver_override, sizeof(f->driver_override),
                                 facts->survey.driver_override);
                (void) text_copy(f->power_control, sizeof(f->power_control), facts->survey.power_control);
                (void) text_copy(f->d3cold_allowed, sizeof(f->d3cold_allowed), facts->survey.d3cold_allowed);
                (void) text_copy(f->reset_method, sizeof(f->reset_method), facts->survey.reset_method);
                (void) text_copy(f->native, sizeof(f->native), model_native_driver(facts->role));
                memcpy(f->registers, facts->survey.registers, sizeof(f->registers));
        }
        return model;
}

/* What a survey of the model would bring; all that the model does not know stays as in @card. */
static inline _unused_ void model_survey(const Model *model, CardFacts *card) {
        card->module_guarded = model->module_guarded;
        for (size_t i = 0; i < model->n_functions; i++) {
                const ModelFunction *f = &model->functions[i];
                fixture_put(card, i, f->driver, f->driver_override);
                fixture_power(card, i, f->power_control, f->d3cold_allowed);
                memcpy(card->functions[i].survey.registers, f->registers, sizeof(f->registers));
        }
}

static inline _unused_ ModelFunction *model_function(Model *model, PciAddress address) {
        for (size_t i = 0; i < model->n_functions; i++)
                if (address_equal(model->functions[i].address, address))
                        return &model->functions[i];
        return NULL;
}

/* NULL when both are the same, else what is not. */
static inline _unused_ const char *model_difference(const Model *a, const Model *b) {
        if (a->module_guarded != b->module_guarded)
                return "the module's guard";
        for (size_t i = 0; i < a->n_functions; i++) {
                const ModelFunction *f = &a->functions[i], *g = &b->functions[i];
                if (!streq(f->driver, g->driver))
                        return "driver";
                if (!streq(f->driver_override, g->driver_override))
                        return "driver_override";
                if (!streq(f->power_control, g->power_control))
                        return "power/control";
                if (!streq(f->d3cold_allowed, g->d3cold_allowed))
                        return "d3cold_allowed";
                for (size_t r = 0; r < f->n_registers; r++)
                        if (f->registers[r].value != g->registers[r].value)
                                return "registers";
        }
        return NULL;
}

static inline _unused_ void model_runtime_power(ModelFunction *f, const char *driver, const char *control) {
        if (!isempty(f->power_control) && (driver_is_guest(driver) || driver_is_host(driver)))
                (void) text_copy(f->power_control, sizeof(f->power_control), control);
}

static inline _unused_ int model_bind(Model *model, ModelFunction *f, const char *driver) {
        bool exists =
                !streq(driver, OVERRIDE_PINNED) && (!streq(driver, DRIVER_PCI_STUB) || model->stub_loaded);
        bool matches = isempty(f->driver_override) ? streq(driver, f->native) || streq(driver, f->given)
                                                   : streq(driver, f->driver_override);

        if (streq(f->driver, driver))
                return 0;
        if (!exists || !matches)
                return -ENODEV;
        if (!isempty(f->driver))
                return -EBUSY;
        (void) text_copy(f->driver, sizeof(f->driver), driver);
        model_runtime_power(f, driver, "auto");
        return 0;
}

static inline _unused_ int model_unbind(ModelFunction *f, const char *driver) {
        if (isempty(f->driver))
                return 0;
        if (!streq(f->driver, driver))
                return -ENODEV;
        f->driver[0] = '\0';
        model_runtime_power(f, driver, "on");
        return 0;
}

static inline _unused_ int model_set(char *attribute, size_t size, const char *value) {
        return isempty(attribute) ? -ENOENT : text_copy(attribute, size, value);
}

/* The reset wipes every function's registers, and is only for a card that no driver is using. */
static inline _unused_ void model_write_config(Model *model) {
        for (size_t i = 0; i < model->n_functions; i++) {
                ModelFunction *f = &model->functions[i];
                if (i == 0 ? !isempty(f->driver) : driver_is_host(f->driver))
                        model->fault = "a reset under a driver";
                for (size_t r = 0; r < f->n_registers; r++)
                        f->registers[r].value = 0;
        }
}

/* 0, or the errno that the write would fail with. */
static inline _unused_ int model_run(Model *model, const Step *step) {
        ModelFunction *f = model_function(model, step->address);

        if (!f) {
                model->fault = "a step touches a function outside the card";
                return -ENXIO;
        }
        switch (step->kind) {
        case STEP_SET_D3COLD:
                return model_set(f->d3cold_allowed, sizeof(f->d3cold_allowed), step->text);
        case STEP_SET_POWER:
                return model_set(f->power_control, sizeof(f->power_control), step->text);
        case STEP_SET_OVERRIDE:
                return text_copy(f->driver_override, sizeof(f->driver_override), step->text);
        case STEP_UNBIND:
                return model_unbind(f, step->text);
        case STEP_BIND:
                return model_bind(model, f, step->text);
        case STEP_PROBE:
                if (isempty(f->driver))
                        (void) model_bind(model, f,
                                          isempty(f->driver_override) ? f->native : f->driver_override);
                return 0;
        case STEP_SET_METHOD:
                return text_copy(f->reset_method, sizeof(f->reset_method), step->text);
        case STEP_WRITE_CONFIG:
        case STEP_FUNCTION_RESET:
        case STEP_VENDOR_RESET:
        case STEP_D3HOT:
                if (step_resets(step))
                        model_write_config(model);
                return 0;
        case STEP_CHECK_REGISTER:
        case STEP_POLL_REGISTER:
        case STEP_WRITE_REGISTER:
        case STEP_DIFFER_REGISTER:
                return 0;
        case STEP_RESTORE_CONFIG:
                for (size_t r = 0; r < step->n_registers; r++)
                        f->registers[r] = step->registers[r];
                return 0;
        case STEP_GUARD_SET:
                model->module_guarded |= model->guard_loaded;
                return model->guard_loaded ? 0 : -ENOENT;
        case STEP_GUARD_CLEAR:
                model->module_guarded = false;
                return 0;
        case STEP_NODES_FREE:
        case STEP_GROUP_FREE:
        case STEP_ALIVE:
        case STEP_SAVE_CONFIG:
        case STEP_DELAY:
        case STEP_VERIFY_CONFIG:
        case STEP_WAKE_ALARM:
        case STEP_REMOVE_RESCAN:
                return 0;
        case _STEP_KIND_MAX:
        case _STEP_KIND_INVALID:
                break;
        }
        model->fault = "no such step";
        return -EINVAL;
}
