/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The card of fake-sys.h with a chip behind BAR 5 and behind its configuration space, as far as resets go:
 * - 39d5e86b at 0x7c resets it: the microcontroller (SMC) of a VI chip stops, COMMAND and BARs of both functions are
 *   wiped, CONFIG_MEMSIZE reads all ones for some reads and then its size again.
 * - On a CI chip the same write takes the whole chip down for good unless MISC and FUSE say "graphics engine only"; its
 *   SMC goes on until it is held in reset and its clock is stopped.
 * - Registers answer only while memory decoding is on and BAR 5 has its address, else they read all ones.
 * - D3hot and back resets it as well, if PMCSR does not say otherwise.
 * A register that no source knows ends the test: on a real card it may end the machine.
 * Tests that include this are linked with --wrap=pwrite, --wrap=mmio_read and --wrap=mmio_write (see CMakeLists.txt).
 */

#include "core/chip.h"
#include "fake-sys.h"

#define MODEL_BAR_SIZE 0x40000U
#define MODEL_MEMSIZE 0x2000U /* MiB */
#define MODEL_PMCSR 0x54U

/* Addresses behind the index/data pair. */
#define MODEL_RESET_CNTL 0x80000000U
#define MODEL_CLOCK_CNTL 0x80000004U
#define MODEL_PC 0x80000370U
#define MODEL_MISC 0xc0000010U
#define MODEL_FUSE 0xc00c0000U
/* And one directly in the BAR. */
#define MODEL_CONFIG_MEMSIZE 0x5428U

typedef struct RegisterModel {
        ChipGeneration chip;
        uint32_t index, reset_cntl, clock_cntl, pc, misc, fuse;
        unsigned slow_reads;  /* of CONFIG_MEMSIZE after a reset: all ones */
        uint32_t dead;        /* the address or offset of a register that reads all ones */
        uint32_t stubborn;    /* of one that stays as it is */
        bool no_memory;       /* CONFIG_MEMSIZE is 0 after a reset */
        bool forgets_companion; /* .1 is dead after the reset */
        unsigned slow_left;
        unsigned n_resets, n_reads, n_writes;
        /*
         * What reached the display function, in its order: "COMMAND=0402", "7c=39d5e86b", "80000004?" for a read, "80000004=1" for a
         * write; of the same things one after the other the first.
         */
        char trace[1024];
} RegisterModel;

extern RegisterModel model;

/* fake_setup(), and a chip whose SMC runs: Polaris, or Hawaii. */
void model_setup_vi(void);
void model_setup_ci(void);

/* Bytes of configuration space of a function, as the card has them now. */
uint32_t model_config(unsigned function, size_t offset, size_t width);
void model_set_config(unsigned function, size_t offset, size_t width, uint32_t value);
