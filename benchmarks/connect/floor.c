/* The least that connecting takes: libca alone, with the same channels and the same control gets.
 *
 * Reads lines "name e|d|-" from a file: e also gets the states of an enum, d the precision of a double.
 * Prints the seconds from making the context to the last answer. With a further argument it goes on, and prints the
 * monotonic times at which all channels were lost and at which all were back.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cadef.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long waiting;
static volatile long up;

static void finished(void) {
    pthread_mutex_lock(&lock);
    if (--waiting == 0) pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void answered(struct event_handler_args args) {
    (void)args;
    finished();
}

static void connected(struct connection_handler_args args) {
    char get = *(char *)ca_puser(args.chid);
    __sync_fetch_and_add(&up, args.op == CA_OP_CONN_UP ? 1 : -1);
    if (args.op != CA_OP_CONN_UP || !waiting) return;
    ca_field_type(args.chid);
    ca_element_count(args.chid);
    if (get == '-') finished();
    else ca_array_get_callback(get == 'e' ? DBR_CTRL_ENUM : DBR_CTRL_DOUBLE, 1, args.chid, answered, NULL);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

int main(int count, char **arguments) {
    size_t room = 1024, names = 0;
    char (*name)[64] = malloc(room * sizeof *name);
    char *get = malloc(room);
    FILE *file = count > 1 ? fopen(arguments[1], "r") : NULL;
    if (!file) return 2;
    while (fscanf(file, "%59s %c", name[names], &get[names]) == 2) {
        if (++names == room) {
            room *= 2;
            name = realloc(name, room * sizeof *name);
            get = realloc(get, room);
        }
    }
    waiting = (long)names;
    double began = now();
    ca_context_create(ca_enable_preemptive_callback);
    for (size_t at = 0; at < names; at++) {
        chid channel;
        ca_create_channel(name[at], connected, &get[at], 0, &channel);
    }
    ca_flush_io();
    pthread_mutex_lock(&lock);
    while (waiting) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 1000000;
        if (until.tv_nsec >= 1000000000) { until.tv_nsec -= 1000000000; until.tv_sec++; }
        pthread_cond_timedwait(&changed, &lock, &until);
        pthread_mutex_unlock(&lock);
        ca_flush_io();
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    printf("%.6f\n", now() - began);
    fflush(stdout);
    if (count > 2) {
        while (up) ca_pend_event(0.001);
        printf("%.6f\n", now());
        fflush(stdout);
        while (up < (long)names) ca_pend_event(0.001);
        printf("%.6f\n", now());
        fflush(stdout);
    }
    _Exit(0);
}
