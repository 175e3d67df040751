/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: what the stores share, which is all that two threads touch. */
#include "store.h"

#include "cleanup.h"

#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

void store_view_free(struct store_view *view)
{
	if (!view)
		return;
	for (int i = 0; i < 2; i++)
		overlay_peers_free(&view->leg[i].peers);
	free(view);
}

/* The counter cannot overflow: whoever is woken empties it. */
static void wake(int fd)
{
	eventfd_write(fd, 1);
}

struct store_view *store_take(struct store *store)
{
	struct store_view *view;

	pthread_mutex_lock(&store->lock);
	view = take_ptr(store->next);
	pthread_mutex_unlock(&store->lock);
	return view;
}

void store_put(struct store *store, struct store_view *view)
{
	struct store_view *old;

	pthread_mutex_lock(&store->lock);
	view->serial = ++store->serial;
	old = store->next;
	store->next = view;
	pthread_mutex_unlock(&store->lock);
	store_view_free(old);
	wake(store->wake_main);
}

void store_set_self(struct store *store, const struct store_self *self)
{
	pthread_mutex_lock(&store->lock);
	store->self = *self;
	pthread_mutex_unlock(&store->lock);
	wake(store->wake_store);
}

struct store_self store_get_self(struct store *store)
{
	struct store_self self;

	pthread_mutex_lock(&store->lock);
	self = store->self;
	pthread_mutex_unlock(&store->lock);
	return self;
}

struct store_health store_get_health(struct store *store)
{
	struct store_health health;

	pthread_mutex_lock(&store->lock);
	health = store->health;
	pthread_mutex_unlock(&store->lock);
	return health;
}

/* Counters and times change all the time, and whoever wants them asks. */
static bool is_news(const struct store_health *old, const struct store_health *health)
{
	return old->connected != health->connected ||
	       strcmp(old->last_error, health->last_error) != 0 ||
	       strcmp(old->endpoint, health->endpoint) != 0;
}

void store_set_health(struct store *store, const struct store_health *health)
{
	bool news;

	pthread_mutex_lock(&store->lock);
	news = is_news(&store->health, health);
	store->health = *health;
	pthread_mutex_unlock(&store->lock);
	if (news)
		wake(store->wake_main);
}

bool store_awake(struct store *store)
{
	eventfd_t count;
	bool stop;

	pthread_mutex_lock(&store->lock);
	stop = store->stop;
	if (!stop)
		eventfd_read(store->wake_store, &count);
	pthread_mutex_unlock(&store->lock);
	return !stop;
}

/* Signals are the main thread's: its threads begin with all of them blocked. */
static int run_thread(struct store *store, void *(*thread)(void *))
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&store->thread, NULL, thread, store);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int store_run(struct store *store, const struct store_ops *ops, const struct store_self *self,
	      int wake_main, void *(*thread)(void *store))
{
	int r;

	store->wake_store = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (store->wake_store < 0)
		return -errno;
	pthread_mutex_init(&store->lock, NULL);
	store->ops = ops;
	store->self = *self;
	store->wake_main = wake_main;
	store->health.since = time(NULL);
	r = run_thread(store, thread);
	if (r < 0) {
		pthread_mutex_destroy(&store->lock);
		close(store->wake_store);
	}
	return r;
}

void store_stop(struct store *store)
{
	if (!store)
		return;
	pthread_mutex_lock(&store->lock);
	store->stop = true;
	pthread_mutex_unlock(&store->lock);
	wake(store->wake_store);
	pthread_join(store->thread, NULL);
	store_view_free(store->next);
	pthread_mutex_destroy(&store->lock);
	close(store->wake_store);
	free(store);
}
