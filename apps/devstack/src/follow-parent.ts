// Loaded before each app (--import): when the devstack dies, even by kill -9, its IPC channel closes and the app drains and ends.
process.channel?.unref();
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// A drain that hangs must not outlive the devstack either.
process.once('disconnect', () => setTimeout(() => process.exit(1), 15_000).unref());
