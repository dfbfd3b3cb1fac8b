// Loaded into the program that bin/launch.js starts: when the launcher is gone, even by `kill -9`, the program ends
// too, in its orderly way. Without this it would live on unseen and keep its ports.
if (process.channel) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel.unref()
}
