// Programs out of Debian's packages, unpacked into the cache: for toolchains that no other registry has. Nothing is
// installed and root is not needed. Called by `fixtures_toolchains.ts`.

import { run } from "./fixtures_cache.ts";

/** A stable suite: what is in it stays together, and available, for years. */
export const DEBIAN_SUITE = "trixie";

/** What the wanted packages depend on and every machine that builds has already. */
const ASSUMED = ["gcc", "libc6-dev", "binutils"];

/**
 * Unpacks the packages and all they need below `root`. apt does the downloading and checks the signatures, but with
 * its state beside the root, and with a list of installed packages that has nothing in it but `ASSUMED`.
 */
export async function unpackDebian(root: string, packages: string[]): Promise<void> {
  const apt = `${root}.apt`;
  for (const part of ["state/lists/partial", "cache/archives/partial"]) {
    await Deno.mkdir(`${apt}/${part}`, { recursive: true });
  }
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const source = `deb [signed-by=${keyring}] ${await findMirror()} ${DEBIAN_SUITE} main\n`;
  await Deno.writeTextFile(`${apt}/sources`, source);
  const architecture = Deno.build.arch === "aarch64" ? "arm64" : "amd64";
  const installed = ASSUMED.map((name) =>
    `Package: ${name}\nStatus: install ok installed\nArchitecture: ${architecture}\nVersion: 999\n` +
    `Provides: libc-dev\nMaintainer: none\nDescription: the machine has it\n`
  );
  await Deno.writeTextFile(`${apt}/status`, installed.join("\n"));
  const options = Object.entries({
    "Dir::State": `${apt}/state`,
    "Dir::State::status": `${apt}/status`,
    "Dir::Cache": `${apt}/cache`,
    "Dir::Etc::sourcelist": `${apt}/sources`,
    "Dir::Etc::sourceparts": "/dev/null",
    "Acquire::Languages": "none",
    "APT::Sandbox::User": "",
    "Debug::NoLocking": "true",
  }).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  await run("apt-get", [...options, "-q", "update"]);
  await run("apt-get", [
    ...options,
    "-qy",
    "--no-install-recommends",
    "--download-only",
    "install",
    ...packages,
  ]);
  for await (const { name } of Deno.readDir(`${apt}/cache/archives`)) {
    if (name.endsWith(".deb")) await run("dpkg-deb", ["-x", `${apt}/cache/archives/${name}`, root]);
  }
  await Deno.remove(apt, { recursive: true });
}

/** The command that runs an unpacked program: under its own loader, as its libc may be newer than the machine's. */
export function debianCommand(root: string, program: string): string {
  const arm = Deno.build.arch === "aarch64";
  const libraries = `${root}/usr/lib/${arm ? "aarch64" : "x86_64"}-linux-gnu`;
  const loader = arm ? "ld-linux-aarch64.so.1" : "ld-linux-x86-64.so.2";
  return `${libraries}/${loader} --library-path ${libraries} ${root}/${program}`;
}

/** The mirror this machine already uses; elsewhere the user names one. */
async function findMirror(): Promise<string> {
  const named = Deno.env.get("HOLDFAST_DEBIAN_MIRROR");
  if (named) return named;
  const list = ["indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"];
  const targets = await run("apt-get", list, { capture: true }).catch(() => "");
  const mirrors = targets.split("\n").filter((line) =>
    line.startsWith("Debian ") && !line.includes("security")
  );
  if (mirrors.length) return mirrors[0].split(" ")[1];
  throw new Error(
    "This machine lacks a toolchain that Debian has, and knows no Debian mirror. Name one in " +
      "HOLDFAST_DEBIAN_MIRROR, or install Rust with the targets wasm32-unknown-unknown and wasm32-wasip1, and Go 1.24.",
  );
}
