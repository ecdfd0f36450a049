@echo off
rem Serves a model: serve [MODEL] [options of orleansllm serve]. Without MODEL, the bundled one.
setlocal
set "here=%~dp0"
set "rid=win-x64"
if /i "%PROCESSOR_ARCHITECTURE%"=="ARM64" set "rid=win-arm64"
dotnet publish "%here%src\OrleansLLM.Cli" -c Release -r %rid% --self-contained false --artifacts-path "%here%artifacts\build" -o "%here%artifacts\serve" -v q -nologo || exit /b 1
set "first=%~1"
if "%first%"=="" goto bundled
if "%first:~0,1%"=="-" goto bundled
"%here%artifacts\serve\orleansllm.exe" serve %*
exit /b %errorlevel%
:bundled
"%here%artifacts\serve\orleansllm.exe" serve "%here%models\atlas" %*
exit /b %errorlevel%
