/**
 * A small grade book. Each route names its demand. The middleware and access.ts decide before the route runs whether
 * the request may go on.
 */
import express, { type Express, type Response } from 'express'
import type { Client } from '../../client/src/index.ts'
import { type ExpressRequest, protect } from '../../client/src/middleware/express.ts'
import { readCourseGrades, readOwnGrades, writeGrades } from './access.ts'
import { gradesOf } from './courses.ts'

/** Makes the application. */
export function createGradeBook(claims: Client): Express {
  const app = express()

  app.get('/courses/:course/grades/mine', protect(claims, readOwnGrades), (req, res) => {
    const student = subjectOf(req)
    res.json({ student, grade: gradesOf(req.params.course)?.get(student) ?? null })
  })

  app.get('/courses/:course/grades', protect(claims, readCourseGrades), (req, res) => {
    const grades = gradesOf(req.params.course)
    if (grades === undefined) noCourse(res)
    else res.json(Object.fromEntries(grades))
  })

  app.put(
    '/courses/:course/grades/:student',
    protect(claims, writeGrades),
    express.json({ limit: '1kb' }),
    (req, res) => {
      const { grade } = (req.body ?? {}) as { readonly grade?: unknown }
      if (typeof grade !== 'string' || !/^[A-F][+-]?$/.test(grade)) {
        res.status(422).json({ error: 'grade must be A to F, with + or - if need be' })
        return
      }
      const { course, student } = req.params
      const grades = gradesOf(course)
      if (grades === undefined) {
        noCourse(res)
        return
      }
      grades.set(student, grade)
      res.json({ student, grade, by: subjectOf(req) })
    },
  )

  // How stale a decision may be right now.
  app.get('/health', (_req, res) => {
    res.json(claims.health())
  })

  return app
}

/** The facts of the token, put there by the middleware. */
function subjectOf({ claims }: ExpressRequest): string {
  if (claims === undefined) throw new Error('this route is not protected')
  return claims.sub
}

function noCourse(res: Response): void {
  res.status(404).json({ error: 'there is no such course' })
}
