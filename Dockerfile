FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json prisma.config.ts ./
COPY prisma ./prisma
# The client is generated on the way; what only tests and tools need goes again. Left out with --omit=dev, Prisma's CLI
# and TypeScript would stay, as packages that run can do with them; and Prisma brings compilers for other databases.
RUN npm ci --no-audit --no-fund \
  && npm pkg delete devDependencies && npm prune --ignore-scripts --no-audit --no-fund \
  && find node_modules/@prisma/client/runtime -name 'query_compiler_*' ! -name '*.postgresql.*' -delete

FROM node:24-slim
# For the scripts, npm need not ask its registry each time whether there is a newer npm.
ENV NODE_ENV=production DATA_DIR=/data NPM_CONFIG_UPDATE_NOTIFIER=false
WORKDIR /app
# What it runs belongs to root, so that it cannot change itself; only /data is its own.
RUN install -d -o node -g node -m 700 /data
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/src/generated ./src/generated
COPY package.json tsconfig.json ./
COPY prisma ./prisma
COPY emails ./emails
COPY src ./src
USER node
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# As npm start does; npm itself would not pass on the signal to stop.
CMD ["node", "--max-semi-space-size=4", "--max-old-space-size=384", "--import", "tsx", "src/main.ts"]
