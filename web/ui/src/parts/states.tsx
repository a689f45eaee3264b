import { useEffect, useState, type ReactNode } from 'react'
import { ApiError } from '../api/client'
import { toast } from './toast'

/** Nothing is there yet: what it is, the one next action, an example. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <svg viewBox="0 0 120 48" aria-hidden="true"><path className="axis" d="M6 2v40h110" /><path className="curve" d="M10 40C24 24 50 14 112 6" /></svg>
      <p className="empty-title">{title}</p>
      {children}
    </div>
  )
}

/** The room that something takes, shown when it does not come within 300 ms. */
export function Loading({ rows = 6, what = 'Loading' }: { rows?: number; what?: string }) {
  const [shown, setShown] = useState(false)
  useEffect(() => {
    const t = setTimeout(() => setShown(true), 300)
    return () => clearTimeout(t)
  }, [])
  return (
    <div className={shown ? 'skeleton' : 'skeleton waiting'} role="status">
      <span className="unseen">{what}</span>
      {Array.from({ length: rows }, (_, i) => <span key={i} className="bar" />)}
    </div>
  )
}

/** Something is there in part, or is old, and why: tone warn for what should be looked at. */
export function Notice({ tone = 'info', children }: { tone?: 'info' | 'warn' | 'error' | 'ok'; children: ReactNode }) {
  const mark = { info: 'i', warn: '!', error: '✕', ok: '✓' }[tone]
  return <div className={`notice ${tone}`} role={tone === 'error' ? 'alert' : undefined}><span className="mark" aria-hidden="true">{mark}</span><div>{children}</div></div>
}

/** What the API answered instead, what to do about it, and under which id the appliance's log has it. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof ApiError ? error.problem : undefined
  if (error instanceof ApiError && error.kind === 'denied') {
    return <Notice tone="warn"><strong>Your role does not allow this.</strong> {sentence(problem?.detail)} An administrator of your tenant can give you another role.</Notice>
  }
  if (error instanceof ApiError && error.status === 404) {
    return <Notice tone="warn"><strong>Not found.</strong> There is nothing at this address. It may have been deleted, belong to another tenant, or be mistyped.{problem?.request_id ? <p className="small">Request <CopyText text={problem.request_id} /></p> : null}</Notice>
  }
  return (
    <Notice tone="error">
      <strong>{problem?.title ?? 'This screen met an error of its own'}.</strong> {problem?.detail ?? (error instanceof Error ? error.message : '')}
      {problem?.request_id ? <p className="small">Request <CopyText text={problem.request_id} /></p> : null}
      {retry ? <p><button type="button" onClick={retry}>Try again</button></p> : null}
    </Notice>
  )
}

/** A detail of the API as a sentence among others. */
export function sentence(detail: string | undefined): string {
  return detail ? `${detail[0]!.toUpperCase()}${detail.slice(1)}${/[.!?]$/.test(detail) ? '' : '.'}` : ''
}

/** Query results in their states: draws children with the data, or what is in its place. */
export function Ready<T>({ of, rows, children }: { of: { data: T | undefined; error: unknown; refetch: () => unknown }; rows?: number; children: (data: T) => ReactNode }) {
  if (of.data !== undefined) return <>{children(of.data)}</>
  if (of.error) return <Failure error={of.error} retry={() => void of.refetch()} />
  return <Loading rows={rows ?? 6} />
}

/** An id or hash in full or in brief; a click copies it whole. */
export function CopyText({ text, show }: { text: string; show?: string }) {
  return (
    <button type="button" className="copy" title={`Copy ${text}`} onClick={() => void copy(text)}>
      <code>{show ?? text}</code>
    </button>
  )
}

export async function copy(text: string) {
  try {
    await navigator.clipboard.writeText(text)
    toast('Copied')
  } catch {
    toast('The browser did not allow copying', 'error')
  }
}
