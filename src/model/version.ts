// The version of this build, in the one place that code reads it; a test holds it equal to the one in `deno.json`.

/** What `holdfast --version`, the local API and events say. */
export const VERSION = "0.1.0";
