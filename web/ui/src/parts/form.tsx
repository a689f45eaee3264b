import { useId, useRef, useState, type FormEvent, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, type TextareaHTMLAttributes } from 'react'
import { ApiError, Cancelled } from '../api/client'

interface Common { label: string; hint?: ReactNode; fault?: string | undefined }

function Around({ id, label, hint, fault, children }: Common & { id: string; children: ReactNode }) {
  return (
    <div className={fault ? 'field wrong' : 'field'}>
      <label htmlFor={id}>{label}</label>
      {children}
      {hint ? <p className="hint" id={`${id}-hint`}>{hint}</p> : null}
      {fault ? <p className="fault" id={`${id}-fault`}><span aria-hidden="true">✕</span> {fault}</p> : null}
    </div>
  )
}

function described(id: string, c: Common) {
  const by = [c.hint && `${id}-hint`, c.fault && `${id}-fault`].filter(Boolean).join(' ')
  return { 'aria-describedby': by || undefined, 'aria-invalid': c.fault ? true : undefined } as const
}

export function TextField({ label, hint, fault, ...input }: Common & InputHTMLAttributes<HTMLInputElement>) {
  const own = useId()
  const id = input.id ?? own
  return <Around id={id} label={label} hint={hint} fault={fault}><input type="text" {...input} id={id} {...described(id, { label, hint, fault })} /></Around>
}

export function TextArea({ label, hint, fault, ...input }: Common & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const own = useId()
  const id = input.id ?? own
  return <Around id={id} label={label} hint={hint} fault={fault}><textarea rows={3} {...input} id={id} {...described(id, { label, hint, fault })} /></Around>
}

export function SelectField({ label, hint, fault, children, ...input }: Common & SelectHTMLAttributes<HTMLSelectElement>) {
  const own = useId()
  const id = input.id ?? own
  return <Around id={id} label={label} hint={hint} fault={fault}><select {...input} id={id} {...described(id, { label, hint, fault })}>{children}</select></Around>
}

export function CheckField({ label, hint, ...input }: { label: string; hint?: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
  const own = useId()
  const id = input.id ?? own
  return (
    <div className="field check">
      <input type="checkbox" {...input} id={id} aria-describedby={hint ? `${id}-hint` : undefined} /> <label htmlFor={id}>{label}</label>
      {hint ? <p className="hint" id={`${id}-hint`}>{hint}</p> : null}
    </div>
  )
}

/** One of a few, as radio buttons in a row: log or linear. */
export function Choice<T extends string>({ legend, value, choices, onChange }: { legend: string; value: T; choices: readonly (readonly [T, string])[]; onChange: (v: T) => void }) {
  const name = useId()
  return (
    <fieldset className="choice">
      <legend className="unseen">{legend}</legend>
      {choices.map(([v, text]) => (
        <label key={v}><input type="radio" name={name} checked={v === value} onChange={() => onChange(v)} /> {text}</label>
      ))}
    </fieldset>
  )
}

/**
 * A form that sends something: the button waits while it is sent, the API's faults go to the fields (by the last part of their pointers)
 * and into a summary that takes the focus. children get the fault of a field by its name.
 */
export function Form({ send, button, children, onDone, danger, after }: {
  send: (data: FormData) => Promise<void>; button: string; children: (fault: (name: string) => string | undefined) => ReactNode; onDone?: () => void; danger?: boolean; after?: ReactNode
}) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<ApiError>()
  const summary = useRef<HTMLDivElement>(null)
  const faults = new Map((error?.problem.errors ?? []).map((f) => [(f.pointer ?? f.parameter ?? '').replace(/^.*\//, ''), f.detail]))
  const submit = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault()
    if (busy) return
    setBusy(true)
    try {
      await send(new FormData(e.currentTarget))
      setError(undefined)
      onDone?.()
    } catch (x) {
      if (x instanceof ApiError) {
        setError(x)
        requestAnimationFrame(() => summary.current?.focus())
      } else if (!(x instanceof Cancelled)) throw x
    } finally {
      setBusy(false)
    }
  }
  return (
    <form onSubmit={(e) => void submit(e)} noValidate>
      {error ? <div ref={summary} tabIndex={-1} className="fault-summary" role="alert"><strong>{error.problem.title}.</strong> {faults.size === 0 ? error.problem.detail : null}
        {faults.size > 0 ? <ul>{[...faults].map(([name, text]) => <li key={name}>{name ? `${name}: ` : ''}{text}</li>)}</ul> : null}
        {error.problem.request_id ? <span className="muted small"> Request <code>{error.problem.request_id}</code></span> : null}</div> : null}
      {children((name) => faults.get(name))}
      <div className="actions"><button type="submit" className={danger ? 'danger' : 'primary'} disabled={busy}>{busy ? 'One moment …' : button}</button>{after}</div>
    </form>
  )
}
