# One image for both services; what follows the image's name chooses:
#   docker run … claimcheck                      the issuer
#   docker run … claimcheck introspect/main.ts   introspection
# It runs the sources as they are: Node 24 strips the types. TLS is expected to end in front of it.
FROM node:24.21-bookworm-slim

ENV NODE_ENV=production
WORKDIR /app

COPY package.json package-lock.json ./
COPY client/package.json client/
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force

COPY client/src client/src
COPY settings settings
COPY store store
COPY http http
COPY issuer issuer
COPY introspect introspect

USER node
ENV CLAIMCHECK_HOST=0.0.0.0
EXPOSE 4000 4001

# Only one of the two listens in a container; the check is content with the one that answers.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "-e", "const { CLAIMCHECK_ISSUER_PORT: issuer = 4000, CLAIMCHECK_INTROSPECT_PORT: introspect = 4001 } = process.env; Promise.any([issuer, introspect].map(async (port) => { const { ok } = await fetch(`http://127.0.0.1:${port}/healthz`); if (!ok) throw new Error('not healthy') })).then(() => process.exit(0), () => process.exit(1))"]

ENTRYPOINT ["node"]
CMD ["issuer/main.ts"]
