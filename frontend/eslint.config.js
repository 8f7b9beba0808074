import tseslint from 'typescript-eslint';

/** Folders import only to the right: pages > viewer | charts > api > domain. Each library has one folder. */
const CORNERSTONE = { group: ['@cornerstonejs/*', '@kitware/*'], message: 'Only src/viewer may use Cornerstone.' };
const PLOTLY = { group: ['plotly.js*'], message: 'Only src/charts may use Plotly.' };
const above = (...folders) => ({
  group: folders.map((folder) => `**/${folder}/**`),
  message: 'Folders import only to the right: pages > viewer | charts > api > domain.',
});
const imports = (folder, ...patterns) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: { 'no-restricted-imports': ['error', { patterns }] },
});

export default tseslint.config(
  { ignores: ['static/', 'node_modules/'] },
  ...tseslint.configs.strict,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['vite.config.ts'] }, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off', // indexed access of typed arrays inside checked bounds
      'no-console': 'error',
      'no-eval': 'error',
      'max-lines': ['error', 400],
      eqeqeq: 'error',
    },
  },
  imports('domain', CORNERSTONE, PLOTLY, above('pages', 'viewer', 'charts', 'api')),
  imports('api', CORNERSTONE, PLOTLY, above('pages', 'viewer', 'charts')),
  imports('charts', CORNERSTONE, above('pages', 'viewer')),
  imports('viewer', PLOTLY, above('pages', 'charts')),
  imports('pages', CORNERSTONE, PLOTLY),
);
