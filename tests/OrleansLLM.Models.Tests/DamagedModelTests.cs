using OrleansLLM.Compute;
using OrleansLLM.Files;
using OrleansLLM.Testing;

namespace OrleansLLM.Models.Tests;

/// <summary>Random damage to sound models: they load or are refused, and nothing else ever happens.</summary>
[Trait("Category", "Reference")]
public class DamagedModelTests
{
    private const int Rounds = 150;
    private const int HeaderBytes = 6000;

    public static TheoryData<string> GgufFolders => [.. ReferenceData.Cases("gguf", "golden.json").Take(4)];

    public static TheoryData<string> Folders => [.. ReferenceData.Cases("hf", "golden.json").Where(IsBuilt).Take(4)];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(GgufFolders))]
    public void A_damaged_gguf_file_loads_or_is_refused(string folder)
    {
        var sound = File.ReadAllBytes(Directory.GetFiles(folder, "*.gguf").Order(StringComparer.Ordinal).First());
        var target = Directory.CreateTempSubdirectory("orleansllm");
        Damage(sound, Path.Combine(target.FullName, "model.gguf"), Path.Combine(target.FullName, "model.gguf"));
        target.Delete(true);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Folders))]
    public void A_folder_with_a_damaged_file_loads_or_is_refused(string folder)
    {
        foreach (var name in new[] { "config.json", "model.safetensors", "generation_config.json" })
        {
            var target = Directory.CreateTempSubdirectory("orleansllm");
            foreach (var file in Directory.GetFiles(folder, "*.*").Where(path => Path.GetExtension(path) is ".json" or ".safetensors"))
            {
                File.Copy(file, Path.Combine(target.FullName, Path.GetFileName(file)));
                File.SetAttributes(Path.Combine(target.FullName, Path.GetFileName(file)), FileAttributes.Normal);
            }

            Damage(File.ReadAllBytes(Path.Combine(folder, name)), Path.Combine(target.FullName, name), target.FullName);
            target.Delete(true);
        }
    }

    private static bool IsBuilt(string folder)
    {
        try
        {
            ModelFile.Open(folder).Dispose();
            return true;
        }
        catch (FileFormatException)
        {
            return false;
        }
    }

    private static void Damage(byte[] sound, string file, string model)
    {
        var random = new Random(11);
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = round % 3 == 0 ? sound[..random.Next(sound.Length)] : sound.ToArray();
            for (var flips = round % 3 == 0 ? 0 : random.Next(1, 6); flips > 0; flips--)
            {
                bytes[random.Next(Math.Min(bytes.Length, HeaderBytes))] = (byte)random.Next(256);
            }

            File.WriteAllBytes(file, bytes);
            try
            {
                using var opened = ModelFile.Open(model);
                opened.Load(new ReferenceDevice(), new(8, 4, ElementType.BFloat16)).Dispose();
            }
            catch (FileFormatException error)
            {
                Assert.Contains(model, error.Message, StringComparison.Ordinal);
            }
        }
    }
}
