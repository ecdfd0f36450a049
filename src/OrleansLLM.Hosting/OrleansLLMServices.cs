using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using OrleansLLM.Text;

namespace OrleansLLM.Hosting;

/// <summary>A model inside a user's own app, without cluster and HTTP.</summary>
public static class OrleansLLMServices
{
    /// <summary>
    /// Registers an <see cref="IGenerator"/> over a bare engine, and the <see cref="ModelHost"/> behind it. Loading begins when either is first
    /// asked for; calls made meanwhile wait. <see cref="ModelHost.Models"/> holds the tokenizer and the chat template. The app's
    /// <see cref="ILoggerFactory"/>, where it has one, gets the engine's log.
    /// </summary>
    public static IServiceCollection AddOrleansLLM(this IServiceCollection services, ModelOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider => new ModelHost(
            ending => ModelLoader.LoadAsync(options, null, ending, loggers: provider.GetService<ILoggerFactory>())));
        services.AddSingleton<IServedModels>(provider => provider.GetRequiredService<ModelHost>());
        services.AddSingleton<IGenerator, ModelGenerator>();
        return services;
    }
}
