// Readings of the API, kept by TanStack Query. A key is the path and its parameters: invalidate by path with `refresh`.
import { QueryClient, useInfiniteQuery, useQuery, useQueryClient, type UseQueryOptions } from '@tanstack/react-query'
import { api, ApiError, type GetInput, type Got, type Input, type PathsWith, type Schemas } from './client'

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      refetchOnWindowFocus: true,
      retry: (failed, e) => failed < 2 && e instanceof ApiError && (e.status === 0 || e.status === 429 || e.status === 503),
      retryDelay: (failed, e) => Math.max(1000 * 2 ** failed, e instanceof ApiError ? e.retryAfter * 1000 : 0),
    },
  },
})

type Extra<T> = Omit<UseQueryOptions<T, ApiError>, 'queryKey' | 'queryFn'>

/** Reads a path. `useGet('/api/v1/runs/{id}', { path: { id } })` */
export function useGet<P extends PathsWith<'get'>>(path: P, input: GetInput<P>, extra?: Extra<Got<P>>) {
  return useQuery<Got<P>, ApiError>({ queryKey: [path, input], queryFn: ({ signal }) => api.get(path, { ...input, signal } as never) as Promise<Got<P>>, ...extra })
}

/** Reads a path together with its ETag: `data.data`, `data.etag`. */
export function useRead<P extends PathsWith<'get'>>(path: P, input: GetInput<P>) {
  return useQuery({ queryKey: [path, input, 'etag'], queryFn: ({ signal }) => api.read(path, { ...input, signal } as never) })
}

// A list is { items?: T[] } & { items: unknown[] } in the generated types.
type Listed<P extends PathsWith<'get'>> = Got<P> extends { items?: readonly unknown[] } ? NonNullable<Got<P>['items']>[number] : never

/** Reads a list part by part: `items` are all that were read, `more` asks for the next part. */
export function useList<P extends PathsWith<'get'>>(path: P, input: GetInput<P>, extra?: { enabled?: boolean; refetchInterval?: number | false }) {
  const q = useInfiniteQuery<Got<P>, ApiError, { pages: Got<P>[] }, unknown[], string | undefined>({
    queryKey: [path, input, 'list'],
    initialPageParam: undefined,
    queryFn: ({ pageParam, signal }) => {
      const { query, ...rest } = input as { query?: object }
      return api.get(path, { ...rest, query: { ...query, cursor: pageParam }, signal } as never) as Promise<Got<P>>
    },
    getNextPageParam: (last) => (last as { next_cursor?: string }).next_cursor,
    ...extra,
  })
  const pages: Got<P>[] = q.data?.pages ?? []
  const items = pages.flatMap((page) => ((page as { items?: unknown[] }).items ?? []) as Listed<P>[])
  return { items, first: pages[0], isLoading: q.isLoading, isFetching: q.isFetching, error: q.error, more: q.hasNextPage ? () => void q.fetchNextPage() : undefined, refetch: () => void q.refetch() }
}

/** Reads again everything below the given paths, as in refresh('/api/v1/runs'). */
export function useRefresh() {
  const client = useQueryClient()
  return (...paths: string[]) =>
    client.invalidateQueries({ predicate: (q) => typeof q.queryKey[0] === 'string' && paths.some((p) => (q.queryKey[0] as string).startsWith(p)) })
}

/** Forgets what was read of an object that is no more: reading again what lies about it would ask for it too. */
export function useForget() {
  const client = useQueryClient()
  return (path: string, id: string) => client.removeQueries({ predicate: (q) => q.queryKey[0] === path && JSON.stringify(q.queryKey[1]).includes(id) })
}

/** Who is signed in. */
export function useMe() {
  return useGet('/api/v1/me', {}, { staleTime: 60_000 })
}

/** Whether the role of whoever is signed in has a verb of the permission table; false while that is not known. */
export function useMay(): (verb: string) => boolean {
  const me = useMe()
  const roles = useGet('/api/v1/roles', {}, { staleTime: Infinity })
  const mine = (roles.data?.items as Schemas['Role'][] | undefined)?.find((r) => r.name === me.data?.role)
  return (verb) => mine?.verbs.includes(verb) ?? false
}

export type { Input }
