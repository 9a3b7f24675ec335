/** Finds CommonJS modules of a program by the end of their file's name: those that are loaded, and while somebody
 *  watches also those that will be. ES modules that import them load them so too; a bundle has them without a file,
 *  and hides them. */
import Module from 'node:module';
import type { OnFault } from './probe.ts';
import { tapMethod } from './tap.ts';

/** As Node has them; not in its types. */
interface Loader {
  readonly _cache?: Readonly<Record<string, { readonly exports?: unknown } | undefined>>;
  readonly _resolveFilename?: (request: string, parent: unknown, isMain: unknown) => string;
}
const loader = Module as unknown as Loader;

/** Tells of each module whose file's name ends in one of `endings`, perhaps several times. Gives how it ends. */
export function watchModules(
  endings: readonly string[],
  take: (ending: string, exports: unknown) => void,
  onFault: OnFault,
): () => void {
  const see = (file: string, exports: unknown): void => {
    const ending = endings.find((one) => file.endsWith(one));
    if (ending !== undefined) take(ending, exports);
  };
  for (const [file, module] of Object.entries(loader._cache ?? {})) see(file, module?.exports);
  const names = endings.map((ending) => ending.replace(/^.*\//, '').replace(/\.\w+$/, ''));
  return tapMethod(
    Module,
    '_load',
    (_self, [request, parent, isMain]) => {
      if (typeof request !== 'string' || !names.some((name) => request.includes(name))) return undefined;
      return {
        returned: (exports) => {
          try {
            see(loader._resolveFilename?.(request, parent, isMain) ?? request, exports);
          } catch (error) {
            onFault(error);
          }
          return exports;
        },
        threw: () => {},
      };
    },
    onFault,
  );
}
