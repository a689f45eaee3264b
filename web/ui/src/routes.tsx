// The screens: one chunk each, loaded when it is gone to. The server answers the same paths with the shell (web/terminal.go): add there, too.
import { lazy, type ComponentType } from 'react'

export interface Screen {
  path: string // of wouter: /runs/:id
  screen: ComponentType
}

export interface Place {
  to: string
  text: string
  verb: string // of the permission table; whoever has it not does not see the place
  key?: string // after g
}

const of = (load: () => Promise<{ default: ComponentType }>) => lazy(load)

export const screens: readonly Screen[] = [
  { path: '/', screen: of(() => import('./screens/home/home')) },
  { path: '/runs/:id', screen: of(() => import('./screens/run/run')) },
]

/** The navigation, in its order. */
export const places: readonly Place[] = [
  { to: '/', text: 'Home', verb: 'user.self', key: 'h' },
]
