# One small image for every app; the command says which: node dist/apps/<app>/src/main.js
# BASE_IMAGE needs Node 24 and nothing else. Build `npm run setup` output inside, so that a clean clone is enough.
ARG BASE_IMAGE=node:24-bookworm-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund --loglevel=error
COPY . .
RUN npm run generate && npm run build && npm prune --omit=dev --no-audit --no-fund --loglevel=error

FROM ${BASE_IMAGE}
ENV NODE_ENV=production NODE_OPTIONS="--enable-source-maps --disable-warning=ExperimentalWarning"
WORKDIR /app
COPY --from=build /app/package.json ./package.json
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/prisma ./prisma
COPY --from=build /app/dist ./dist
COPY --from=build /app/examples/guestbook/version.json ./examples/guestbook/version.json
# A number, so that "runAsNonRoot" can be checked without /etc/passwd.
USER 65532:65532
EXPOSE 8080 8090 8099
CMD ["node", "dist/apps/gateway/src/main.js"]
