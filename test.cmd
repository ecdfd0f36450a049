@echo off
rem Builds everything that is tested and runs it. Set ORLEANSLLM_GOLDEN and ORLEANSLLM_MODELS to run the reference data elsewhere,
rem ORLEANSLLM_ACCEPT=1 to rewrite recorded bytes, Contracts.txt and PublicApi.txt where the code differs from them.
setlocal
cd /d "%~dp0"
dotnet build OrleansLLM.Tests.slnf -c Release -v q -nologo || exit /b 1
dotnet test --solution OrleansLLM.Tests.slnf -c Release --no-build --max-parallel-test-modules 1 %*
exit /b %errorlevel%
