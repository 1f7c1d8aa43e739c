/** The shape of what stands after `image` and `build`. */
import * as z from 'zod/mini';
import { environment, labels, list, mode, number, record, settings, text, textOrTexts, texts, user } from './schema-parts.ts';

/** Written out, since a type that holds itself cannot be inferred. */
export type ImageShape =
  | string
  | { readonly kind: 'hostRootfs' }
  | { readonly kind: 'rootfs'; readonly path: string }
  | { readonly kind: 'archive'; readonly path: string; readonly image?: string | undefined }
  | DebianShape
  | StepsShape;
export type ImageObjectShape = Exclude<ImageShape, string>;

export interface StepsShape {
  readonly kind: 'build';
  readonly base?: ImageShape | undefined;
  readonly steps?: readonly StepShape[] | undefined;
  readonly context?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

const debian = settings({
  kind: z.literal('debian'),
  suite: text,
  packages: z.optional(texts),
  mirror: z.optional(text),
});

const imageObject: z.ZodMiniType<ImageObjectShape> = z.discriminatedUnion(
  'kind',
  [
    settings({ kind: z.literal('hostRootfs') }),
    settings({ kind: z.literal('rootfs'), path: text }),
    settings({ kind: z.literal('archive'), path: text, image: z.optional(text) }),
    debian,
    settings({
      kind: z.literal('build'),
      base: z.optional(z.lazy(() => image)),
      steps: z.optional(list(z.lazy(() => step))),
      context: z.optional(text),
      tags: z.optional(texts),
    }),
  ],
  { error: 'must be `hostRootfs`, `rootfs`, `archive`, `debian` or `build`' },
);

export const image: z.ZodMiniType<ImageShape> = z.union([text, imageObject], {
  error: 'must be an image reference, `hostRootfs()`, `rootfs()`, `debian()`, `ociImage()` or `build()`',
});

const step = z.discriminatedUnion('do', [
  settings({ do: z.literal('run'), command: textOrTexts, cache: z.optional(texts) }),
  settings({
    do: z.literal('copy'),
    sources: textOrTexts,
    target: text,
    from: z.optional(image),
    chown: z.optional(user),
    chmod: z.optional(mode),
    exclude: z.optional(textOrTexts),
  }),
  settings({ do: z.literal('env'), values: labels }),
  settings({ do: z.literal('workdir'), path: text }),
  settings({ do: z.literal('user'), user }),
  settings({ do: z.literal('entrypoint'), argv: textOrTexts }),
  settings({ do: z.literal('cmd'), argv: textOrTexts }),
  settings({ do: z.literal('expose'), ports: list(z.union([number, text], { error: 'must be a port such as `80` or `53/udp`' })) }),
  settings({ do: z.literal('volume'), paths: texts }),
  settings({ do: z.literal('label'), values: labels }),
  settings({ do: z.literal('stopSignal'), signal: text }),
]);

const secret = z.union([settings({ file: text }), settings({ environment: text })], {
  error: 'must be `{ file }` or `{ environment }`',
});

const dockerfileBuild = settings({
  context: z.optional(text),
  dockerfile: z.optional(text),
  dockerfileInline: z.optional(text),
  target: z.optional(text),
  args: z.optional(environment),
  secrets: z.optional(record(secret)),
  labels: z.optional(labels),
  tags: z.optional(texts),
  additionalContexts: z.optional(record(text)),
});

export const buildShape = z.union([text, dockerfileBuild], { error: 'must be a directory or `{ context, dockerfile, … }`' });

export type DebianShape = z.infer<typeof debian>;
export type StepShape = z.infer<typeof step>;
export type DockerfileBuildShape = z.infer<typeof dockerfileBuild>;
