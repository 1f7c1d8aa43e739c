/**
 * Checks on what the function form of `defineStack` returns. TypeScript looks for unknown keys only in an object literal that is
 * itself an argument, not in one that a function returns, so those keys are named here and given a type that nothing fits.
 */
import type { StackDefinition } from './definition.ts';
import type { DependencyInput, ServiceInput, StackInput } from './input.ts';
import type { AttachmentInput } from './input-network.ts';

export type CheckedStack<R> = R extends StackDefinition
  ? R
  : StackInput<NamesIn<R, 'services'>, NamesIn<R, 'networks'>, NamesIn<R, 'volumes'>> &
      OnlyKeys<R, keyof StackInput, 'setting'> & {
        readonly services: {
          readonly [K in keyof Part<R, 'services'>]: CheckedService<
            Part<R, 'services'>[K],
            NamesIn<R, 'services'>,
            NamesIn<R, 'networks'> | 'default'
          >;
        };
      };

/**
 * What a function returns, before its names are known: as much as the compiler needs to give the parameters of hooks in it their types
 * (from `CheckedStack` of this), and to let everything else through to where it is checked; an interface fits no index signature.
 */
export type StackInOutline = StackDefinition | { readonly services: { readonly [name: string]: object } } | { readonly services: object };

/** Shown in the compiler's message in the place of the type that a key would have. */
export interface NoSuch<What extends string> {
  readonly noSuch: What;
}

type CheckedService<X, S extends string, N extends string> = OnlyKeys<X, keyof ServiceInput, 'setting'> & {
  readonly [K in keyof X & ('dependsOn' | 'networks')]: K extends 'dependsOn'
    ? OnlyNames<X[K], S, 'service'> & LongFormsChecked<X[K], keyof DependencyInput>
    : OnlyNames<X[K], N, 'network'> & LongFormsChecked<X[K], keyof AttachmentInput>;
};
/** The long forms of dependencies and attachments; text and lists have no keys of ours to be wrong. */
type LongFormsChecked<X, Known extends PropertyKey> = X extends readonly unknown[]
  ? unknown
  : { readonly [K in keyof X]: X[K] extends object ? OnlyKeys<X[K], Known, 'setting'> : unknown };
/** The list form is told from the record form here: in an intersection a list fits a record of optional keys. */
type OnlyNames<X, Known extends string, What extends string> = X extends readonly unknown[] ? readonly Known[] : OnlyKeys<X, Known, What>;
type OnlyKeys<X, Known extends PropertyKey, What extends string> = { readonly [K in Exclude<keyof X, Known>]?: NoSuch<What> };
type Part<X, K extends string> = X extends { readonly [P in K]: infer Y } ? Y : Record<never, never>;
type NamesIn<X, K extends string> = keyof Part<X, K> & string;
