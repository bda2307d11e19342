// The yardstick: a Deno.serve that does nothing, with as many processes on one port as asked for.
// Arguments: port, processes.

const [port, processes] = Deno.args.map(Number);
if (processes > 1) {
  const self = Deno.build.standalone ? [] : ["run", "-A", "--unstable-net", import.meta.url];
  new Deno.Command(Deno.execPath(), { args: [...self, String(port), String(processes - 1)] }).spawn();
}
Deno.serve(
  { port, hostname: "127.0.0.1", reusePort: true, onListen() {} },
  () => new Response("hello from holdfast\n", { headers: { "content-type": "text/plain" } }),
);
