// Component files as the command line reads them: which a manifest names, and their bytes. Every problem says which
// line of the manifest, or which argument, named the file.

import { Fault, type FaultCode, isFault } from "../model/fault.ts";
import { LIMITS } from "../model/limits.ts";
import { resolveComponentImage } from "../model/manifest/images.ts";
import { type ParsedManifest, parseManifests } from "../model/manifest/parse.ts";
import { placeProblems } from "../model/manifest/planning.ts";
import { formatProblems, type Problem } from "../model/manifest/reading.ts";
import { formatBytes } from "./table.ts";

/** A component's file that a manifest names. */
export interface ImageFile {
  /** Absolute. */
  path: string;
  /** Where it is named, for messages. */
  reference: string;
}

/**
 * Reads a manifest's text and finds every component file it names. Throws a {@linkcode Fault} with every problem of the
 * text, or else of the files: `not_found` where all that is wrong is that files are missing.
 */
export async function collectImages(
  text: string,
  about: { source: string; folder: string },
): Promise<ImageFile[]> {
  const found: { problem: Problem; code: FaultCode }[] = [];
  const images: ImageFile[] = [];
  for (const parsed of parseManifests(text, { source: about.source })) {
    for (const { path, image } of imagesOf(parsed)) {
      const problem: Problem = { path, message: "", mend: "" };
      placeProblems([problem], parsed.places);
      try {
        const file = resolveComponentImage(image, about.folder);
        await checkComponentFile(file);
        images.push({ path: file, reference: `${about.source}:${problem.line}` });
      } catch (error) {
        if (!isFault(error)) throw error;
        const cut = error.message.lastIndexOf("; ");
        problem.message = error.message.slice(0, cut);
        problem.mend = error.message.slice(cut + 2);
        found.push({ problem, code: error.code });
      }
    }
  }
  if (found.length === 0) return images;
  const codes = new Set(found.map(({ code }) => code));
  const problems = found.map(({ problem }) => problem);
  throw new Fault(codes.size === 1 ? found[0].code : "bad_request", formatProblems(about.source, problems), {
    detail: { source: about.source, problems },
  });
}

function imagesOf({ manifest }: ParsedManifest): { path: string; image: string }[] {
  return manifest.spec.components.flatMap(({ type, properties }, index) =>
    type === "component" && properties.image !== undefined
      ? [{ path: `spec.components[${index}].properties.image`, image: properties.image }]
      : []
  );
}

/** The bytes of a component's file; `reference` says who named it. */
export async function readComponentFile(path: string, reference: string): Promise<Uint8Array> {
  try {
    await checkComponentFile(path);
    return await Deno.readFile(path);
  } catch (error) {
    if (isFault(error)) throw new Fault(error.code, `${reference}: ${error.message}`, { detail: { path } });
    throw error;
  }
}

async function checkComponentFile(path: string): Promise<void> {
  let info: Deno.FileInfo;
  try {
    const file = await Deno.open(path);
    info = await file.stat();
    file.close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      throw new Fault("not_found", `there is no file ${path}; build it, or mend the path`, { cause: error });
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new Fault("denied", `${path} cannot be read; let this user read it`, { cause: error });
    }
    throw error;
  }
  if (!info.isFile) throw new Fault("bad_request", `${path} is no file; name a .wasm file`);
  if (info.size > LIMITS.artifactBytesMax) {
    const [size, most] = [formatBytes(info.size), formatBytes(LIMITS.artifactBytesMax)];
    throw new Fault(
      "over_limit",
      `${path} has ${size}, a component at most ${most}; strip it (wasm-tools strip)`,
    );
  }
}
