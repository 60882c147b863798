# One small image for every app; the command says which: node dist/apps/<app>/src/main.js
# BASE_IMAGE needs Node 24 with npm, a shell, and nothing else. A clean clone is enough: what is generated and built here is not copied in.
ARG BASE_IMAGE=node:24-bookworm-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No install scripts: they would fetch a second Node and database engines that nothing here uses.
RUN npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
COPY prisma.config.ts nest-cli.json tsconfig.json tsconfig.build.json ./
COPY prisma ./prisma
COPY libs ./libs
COPY examples ./examples
COPY apps ./apps
COPY tools/build ./tools/build
RUN npm run generate && npm run build
COPY tools/image ./tools/image
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error && sh tools/image/slim.sh

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
