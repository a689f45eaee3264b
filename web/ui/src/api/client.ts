// The one way to the API. Paths, parameters, bodies and answers have the types of openapi.yaml (schema.d.ts is generated from it).
import type { components, paths } from './schema'

export type Schemas = components['schemas']
export type Problem = Schemas['Problem']
export type RunState = Schemas['RunStateName']

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'
type Operation<P extends keyof paths, M extends Method> = M extends keyof paths[P] ? NonNullable<paths[P][M]> : never
export type PathsWith<M extends Method> = { [P in keyof paths]: Operation<P, M> extends { responses: unknown } ? P : never }[keyof paths]

type PathOf<O> = O extends { parameters: { path: infer V } } ? { path: V } : { path?: undefined }
type QueryOf<O> = O extends { parameters: { query: infer V } } ? { query: V } : O extends { parameters: { query?: infer V } } ? { query?: V } : { query?: undefined }
type BodyOf<O> = O extends { requestBody: { content: { 'application/json': infer V } } } ? { body: V } : { body?: unknown }
export type Input<O> = PathOf<O> & QueryOf<O> & BodyOf<O> & { etag?: string; key?: string; signal?: AbortSignal }

type Json<R> = R extends { content: { 'application/json': infer V } } ? V : never
type Good<R> = { [S in keyof R]: S extends 200 | 201 | 202 ? Json<R[S]> : never }[keyof R]
export type Output<O> = O extends { responses: infer R } ? Good<R> : never
export type Got<P extends PathsWith<'get'>> = Output<Operation<P, 'get'>>
export type GetInput<P extends PathsWith<'get'>> = Omit<Input<Operation<P, 'get'>>, 'body' | 'etag' | 'key' | 'signal'>

/** An error that the API answered, as a problem of RFC 9457; or status 0 where no answer came. */
export class ApiError extends Error {
  readonly problem: Problem
  readonly retryAfter: number // seconds; 0 where the answer does not say
  constructor(problem: Problem, retryAfter = 0) {
    super(problem.detail ?? problem.title)
    this.problem = problem
    this.retryAfter = retryAfter
  }
  get status() { return this.problem.status }
  /** The last part of the type, as in "not-found"; "" where no answer came. */
  get kind() { return this.problem.type.replace(/^.*#problem-/, '') }
}

/** The person closed the dialog that asked for a proof. Nothing was done, and nothing needs to be said. */
export class Cancelled extends Error {}

export interface Reply<T> { data: T; etag?: string; location?: string; status: number }

// What the dialog for a fresh proof registers: resolves once the session has one, rejects with Cancelled.
let prove: (() => Promise<void>) | undefined
export function onStepUp(ask: () => Promise<void>) { prove = ask }

interface Given { path?: Values; query?: Values; body?: unknown; etag?: string; key?: string; signal?: AbortSignal; whole?: boolean }

/** Sends a request; repeats it once after a proof of who is there, where the API wants one. */
async function send(method: Method, path: string, given: Given): Promise<Reply<unknown>> {
  const address = addressOf(path, given.path, given.query)
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (given.etag) headers['If-Match'] = given.etag
  if (given.key) headers['Idempotency-Key'] = given.key
  let body: BodyInit | undefined
  if (given.body instanceof FormData) body = given.body
  else if (given.body !== undefined) {
    headers['Content-Type'] = 'application/json'
    body = JSON.stringify(given.body)
  }
  const once = () => exchange(address, { method: method.toUpperCase(), headers, body, signal: given.signal ?? null }, given.whole)
  try {
    return await once()
  } catch (e) {
    if (!(e instanceof ApiError) || e.kind !== 'step-up-needed' || !prove) throw e
    await prove()
    return once()
  }
}

/** whole: the data are the text of the answer to the byte, of a file whose signature or digest is over it. */
async function exchange(address: string, init: RequestInit, whole = false): Promise<Reply<unknown>> {
  let answer: Response
  try {
    answer = await fetch(address, { ...init, credentials: 'same-origin' })
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e
    throw new ApiError({ type: '', title: 'The appliance does not answer', status: 0, detail: 'Check the connection to the appliance, then try again.', request_id: '' })
  }
  if (!answer.ok) throw await problemOf(answer)
  const text = await answer.text()
  return {
    data: whole ? text : text ? JSON.parse(text) : undefined,
    etag: answer.headers.get('ETag') ?? undefined,
    location: answer.headers.get('Location') ?? undefined,
    status: answer.status,
  }
}

/** Reads the problem of an answer. Whoever is not signed in, or has to put the account in order, is led there. */
export async function problemOf(answer: Response): Promise<ApiError> {
  const text = await answer.text().catch(() => '')
  return problemFrom(answer.status, text, answer.headers.get('Retry-After'), answer.headers.get('X-Request-Id'))
}

export function problemFrom(status: number, text: string, retryAfter: string | null, request: string | null): ApiError {
  let problem: Problem
  try {
    problem = JSON.parse(text) as Problem
    if (typeof problem.title !== 'string' || typeof problem.type !== 'string') throw new Error('not a problem')
  } catch {
    problem = { type: '', title: `The appliance answered ${status}`, status, detail: 'The answer was not one of the API. A proxy between may have given it.', request_id: request ?? '' }
  }
  const e = new ApiError(problem, Number(retryAfter) || 0)
  if (e.kind === 'sign-in-needed') leave(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`)
  if (e.kind === 'restricted' || e.kind === 'locked') leave(e.kind === 'locked' ? '/sign-in' : '/signed-in')
  return e
}

// A page of the server's: the whole document goes there, once.
let leaving = false
function leave(to: string) {
  if (leaving) return
  leaving = true
  location.assign(to)
}

type Values = Record<string, unknown> | undefined

/** The address of a path with its parameters filled in; those of the query that are undefined or '' are left out, lists are repeated. */
export function addressOf(path: string, inPath?: Values, query?: Values): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(inPath?.[name])))
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== null && one !== '') search.append(name, String(one))
  }
  const text = search.toString()
  return text ? `${filled}?${text}` : filled
}

/** The address of a GET, for links that download. */
export function linkTo<P extends PathsWith<'get'>>(path: P, input: GetInput<P>): string {
  const { path: inPath, query } = input as { path?: Values; query?: Values }
  return addressOf(path as string, inPath, query)
}

type Sends<M extends Method> = <P extends PathsWith<M>>(path: P, input: Input<Operation<P, M>>) => Promise<Reply<Output<Operation<P, M>>>>
type Gets = <P extends PathsWith<'get'>>(path: P, input: Input<Operation<P, 'get'>>) => Promise<Got<P>>

// What is sent is the same for all; the types of each operation are put on here.
const sends = <M extends Method>(method: M) => ((path: string, given: Given) => send(method, path, given)) as unknown as Sends<M>

export const api = {
  get: (async (path: string, given: Given) => (await send('get', path, given)).data) as unknown as Gets,
  /** get with the ETag, for what is to be changed. */
  read: sends('get'),
  post: sends('post'),
  put: sends('put'),
  patch: sends('patch'),
  delete: sends('delete'),
  /** post for a file: its text to the byte. */
  file: (async (path: string, given: Given) => (await send('post', path, { ...given, whole: true })).data) as unknown as <P extends PathsWith<'post'>>(path: P, input: Input<Operation<P, 'post'>>) => Promise<string>,
}

/** A new Idempotency-Key: make one for each thing that a person means to do once. */
export function newKey(): string {
  return crypto.randomUUID()
}
